"""One function rates all access: it is monotonic, and as harsh as it was for each check at most."""

from __future__ import annotations

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from passrole_checks.access.severity import Holder, PassedAccess, Roles, Services, Use, severity_of
from passrole_checks.findings import Confidence, Severity

accesses = st.builds(
    PassedAccess,
    roles=st.sampled_from(Roles),
    services=st.sampled_from(Services),
    use=st.sampled_from(Use),
    gain=st.none() | st.sampled_from(Severity),
    gain_is_known=st.booleans(),
    is_handover=st.booleans(),
    is_deployment=st.booleans(),
    are_bounded=st.booleans(),
    holder=st.sampled_from(Holder),
    confidence=st.sampled_from(Confidence),
)


def is_at_most(less: PassedAccess, more: PassedAccess) -> bool:
    """True if ``more`` is at least as much access as ``less`` in every dimension."""
    return (
        less.roles <= more.roles
        and less.services <= more.services
        and less.use in (Use.PASS, more.use)
        and (less.gain.rank if less.gain else 0) <= (more.gain.rank if more.gain else 0)
        and less.gain_is_known <= more.gain_is_known
        and less.is_handover >= more.is_handover
        and less.is_deployment >= more.is_deployment
        and less.are_bounded >= more.are_bounded
        and less.holder <= more.holder
        and less.confidence.rank <= more.confidence.rank
    )


@given(accesses, accesses)
def test_more_access_is_never_less_severe(one: PassedAccess, other: PassedAccess) -> None:
    """In every dimension, and in all of them together."""
    more = PassedAccess(
        roles=max(one.roles, other.roles),
        services=max(one.services, other.services),
        use=other.use if one.use is Use.PASS else one.use,
        gain=max(one.gain, other.gain, key=lambda gain: gain.rank if gain else 0),
        gain_is_known=one.gain_is_known or other.gain_is_known,
        is_handover=one.is_handover and other.is_handover,
        is_deployment=one.is_deployment and other.is_deployment,
        are_bounded=one.are_bounded and other.are_bounded,
        holder=max(one.holder, other.holder),
        confidence=max(one.confidence, other.confidence, key=lambda confidence: confidence.rank),
    )
    assert is_at_most(one, more)
    assert severity_of(one).rank <= severity_of(more).rank


@given(accesses, st.sampled_from(Holder))
def test_who_can_use_the_holder_only_lowers(access: PassedAccess, holder: Holder) -> None:
    """No holder makes access more severe than one that anyone can use; order is kept between any two holders."""
    anyone = severity_of(replace(access, holder=Holder.ANYONE))
    lowered = severity_of(replace(access, holder=holder))
    assert lowered.rank <= anyone.rank
    if holder in (Holder.OWN_WORK, Holder.TASKS, Holder.PEOPLE):
        assert lowered.rank <= Severity.LOW.rank
    if holder in (Holder.DEPLOYMENT, Holder.ACCOUNTS):
        assert lowered.rank == min(anyone.rank, Severity.MEDIUM.rank)


@given(accesses)
def test_low_confidence_is_at_most_medium(access: PassedAccess) -> None:
    """Access that may not exist is never high."""
    assert severity_of(replace(access, confidence=Confidence.LOW)).rank <= Severity.MEDIUM.rank
