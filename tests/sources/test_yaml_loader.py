"""Our YAML loader equals PyYAML's."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from passrole_checks.sources.files.yaml_loader import Loader

SAMPLES = sorted((Path(__file__).parents[2] / "sample_templates").rglob("*.yaml"))
WORDS = (
    "", "~", "null", "Null", "nUll", "yes", "No", "ON", "off", "true", "tRUE", "y", "n", "0", "+1", "0x1F",
    "0o7", "017", "0b1", "1_000", "190:20:30", "1.5", "1e3", "1.0e+3", ".5", "-.inf", ".NaN", ".", "-", "2012-10-17",
    "2012-10-17T00:00:00Z", "2012", "<<", "<<<", "=", "==", "Type", "AWS::IAM::Role", "x" * 200, "1" * 200, "\u00e4",
)  # fmt: skip
LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


def seen(node: yaml.Node) -> object:
    """All that a node and those below it say."""
    place = [(mark.line, mark.column, mark.index) for mark in (node.start_mark, node.end_mark)]
    value = node.value
    if isinstance(node, yaml.SequenceNode):
        value = [seen(item) for item in node.value]
    elif isinstance(node, yaml.MappingNode):
        value = [(seen(key), seen(below)) for key, below in node.value]
    style = node.style if isinstance(node, yaml.ScalarNode) else node.flow_style
    return type(node), node.tag, value, style, place


def test_samples_have_the_nodes_of_pyyaml() -> None:
    """With the same tags and positions, for every sample."""
    for path in SAMPLES:
        text = path.read_text()
        assert seen(yaml.compose(text, Loader=Loader)) == seen(yaml.compose(text, Loader=LOADER)), path


@given(st.lists(st.sampled_from(WORDS) | st.text(st.characters(codec="ascii", exclude_characters="\r\n"), max_size=12)))
def test_scalars_have_the_tags_of_pyyaml(words: list[str]) -> None:
    """Plain, quoted and tagged scalars, in whatever order they come, have the same tags."""
    forms = [f"- {form}" for word in words for form in (word, f"!x {word}", "'" + word.replace("'", "''") + "'")]
    for text in ("\n".join(forms), *forms):
        try:
            expected = yaml.compose(text, Loader=LOADER)
        except yaml.YAMLError:
            with pytest.raises(yaml.YAMLError):
                yaml.compose(text, Loader=Loader)
        else:
            assert tags(yaml.compose(text, Loader=Loader)) == tags(expected), text


def tags(node: yaml.Node | None) -> object:
    """The tags of a node and of those below it."""
    if isinstance(node, yaml.SequenceNode):
        return [node.tag, *map(tags, node.value)]
    if isinstance(node, yaml.MappingNode):
        return [node.tag, *((tags(key), tags(value)) for key, value in node.value)]
    return node and node.tag
