"""Acceptance by owners and labels are not supported on Gitea, which the report and the job say."""

from __future__ import annotations

from pathlib import Path

import pytest
from forges_of_tests import GiteaOfTests
from gitea_fake import GiteaFake
from jobs_of_tests import Jobs, owned_by, policy
from reviews_of_tests import Reviews

BASE = {"main.tf": policy(), "pyproject.toml": owned_by("olive")}


def test_unsupported_acceptance_and_labels_are_reported(
    gitea: GiteaFake,
    repository: Reviews,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Findings count although owners are configured, and no comment says how to accept them."""
    folder = tmp_path / "job"
    jobs = Jobs(GiteaOfTests(gitea, folder), repository, folder, monkeypatch, BASE)
    jobs.push({**BASE, "main.tf": policy("*")})
    assert jobs.review("--label") == 1
    assert "not supported for gitea" in jobs.notes
    assert "No label is set" in capsys.readouterr().err
    assert "passrole: accept" not in "".join(comment.body for comment in (*gitea.comments, *gitea.code_comments()))
