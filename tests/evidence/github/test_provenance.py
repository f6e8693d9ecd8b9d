"""Where a commit came from: merges of every kind, direct pushes, pushes of several commits, open changes."""

from __future__ import annotations

import pytest

from ci_guard.evidence.github import provenance
from ci_guard.evidence.github.provenance import HISTORY_LIMIT
from ci_guard.model.fact import Cause, Fact, Source, Unknown
from ci_guard.model.review import Change, ChangeState, Origin
from tests.evidence.github.scene import Scene, known, no_checkout, present, unknown
from tests.evidence.github.starts import change, rewrite
from tests.fakes import faults
from tests.fakes.hub.history import ZERO
from tests.fakes.hub.pulls import Pull


def landed(scene: Scene, pull: Pull, method: str = "merge") -> str:
    """Merge a pull request and let the push start a job."""
    before = scene.repo.branches["main"]
    sha = scene.repo.merge(pull, by="olivia", method=method)
    scene.push(sha, before=before, actor="olivia")
    return sha


@pytest.mark.parametrize("commits", [1, 3])
@pytest.mark.parametrize("method", ["merge", "squash", "rebase"])
def test_a_merged_pull_request_brought_the_commit(scene: Scene, method: str, commits: int) -> None:
    pull = scene.repo.pull(author="alice", commits=commits)
    sha = landed(scene, pull, method)
    found = scene.change()
    assert (found.number, found.reference, found.state, found.target) == (1, "#1", ChangeState.MERGED, "main")
    assert (found.head, found.author.login) == (pull.head_sha, "alice")
    assert sha in known(found.results)
    assert found.merged_at is not None
    assert found.merged_at.isoformat().replace("+00:00", "Z") == pull.merged_at
    assert scene.provenance().standing_in is False


def test_every_rebased_commit_is_a_result(scene: Scene) -> None:
    pull = scene.repo.pull(author="alice", commits=3)
    landed(scene, pull, "rebase")
    for sha in pull.landed:
        assert sha in known(judge(scene, sha).results)


def judge(scene: Scene, sha: str) -> Change:
    """Return the only change that is connected with a commit which a manual run builds."""
    run = scene.repo.run("workflow_dispatch", actor="alice", sha=sha)
    scene.start(run, scene.events.workflow_dispatch(sender="alice"), GITHUB_SHA=sha)
    return scene.change()


@pytest.mark.parametrize("method", ["merge", "squash"])
def test_a_pull_requests_own_commit_is_no_result_of_its_merge(scene: Scene, method: str) -> None:
    """`commits/{sha}/pulls` lists what contains a commit; only what the merge made came through it."""
    pull = scene.repo.pull(author="alice", commits=2)
    own = scene.repo.pull_commits(pull)[0]
    landed(scene, pull, method)
    assert own not in known(judge(scene, own).results)


def test_a_direct_push_below_a_rebase_is_no_result(scene: Scene) -> None:
    """It borrows the author and the message of a reviewed commit that the rebase did not contain."""
    repo = scene.repo
    pull = repo.pull(author="alice", commits=2)
    own = repo.pull_commits(pull)
    first = repo.commits[own[0]]
    fake = repo.commit(first.message, author=first.author, files={"evil.sh": "x"}, on="main", by="mallory")
    landed(scene, pull, "rebase")
    assert fake not in known(judge(scene, pull.landed[0]).results)


def test_a_direct_push_in_the_place_of_a_commit_that_the_rebase_dropped_is_no_result(scene: Scene) -> None:
    repo = scene.repo
    pull = repo.pull(author="alice", commits=2)
    direct = repo.commit("Hotfix", author="mallory", on="main", by="mallory")
    last = repo.commits[pull.head_sha]
    sha = repo.commit(last.message, author=last.author, on="main", by="olivia")
    pull.record_merge(by="olivia", sha=sha, landed=[sha, direct])
    assert isinstance(judge(scene, direct).results, Unknown)


def test_a_merge_commit_needs_no_comparison(scene: Scene) -> None:
    pull = scene.repo.pull(author="alice", commits=2)
    landed(scene, pull)
    assert known(judge(scene, pull.head_sha).results) == {pull.merge_commit_sha}
    assert scene.github.count("GET /repos/*/pulls/1/commits") == 0


def test_a_squash_that_looks_like_the_last_commit_is_left_open(scene: Scene) -> None:
    """One commit with the last one's author, date and message, but not the others below it."""
    repo = scene.repo
    pull = repo.pull(author="alice", commits=2)
    last = repo.commits[pull.head_sha]
    odd = repo.commit(last.message, author=last.author, on="main", by="olivia")
    pull.record_merge(by="olivia", sha=odd, landed=[odd])
    own = repo.pull_commits(pull)[0]
    assert isinstance(judge(scene, own).results, Unknown)


def test_an_open_pull_request_with_the_commit_made_nothing(scene: Scene) -> None:
    """Its `merge_commit_sha` is a trial."""
    pull = scene.repo.pull(author="alice")
    pull.merge_commit_sha = pull.head_sha
    scene.push(pull.head_sha, before=ZERO, actor="alice", branch="change-1")
    found = scene.change()
    assert (found.state, known(found.results)) == (ChangeState.OPEN, frozenset())
    assert isinstance(found.reviews, Unknown)


def test_a_merge_into_another_branch_says_so(scene: Scene) -> None:
    repo = scene.repo
    before = repo.branch("develop")
    pull = repo.pull(author="alice", base="develop")
    sha = repo.merge(pull)
    scene.push(sha, before=before, actor="olivia", branch="develop")
    assert scene.change().target == "develop"


def test_a_direct_push_names_its_pusher(scene: Scene) -> None:
    """The empty list is the finding, not nothing to check."""
    before = scene.repo.branches["main"]
    sha = scene.repo.commit("Hotfix", author="alice", on="main", by="mallory")
    origin = scene.push(sha, before=before, actor="mallory").origin()
    assert known(origin.changes) == ()
    assert present(origin.pusher).login == "mallory"


def test_a_pusher_that_the_log_does_not_show_is_nobody_known(scene: Scene) -> None:
    before = scene.repo.branches["main"]
    sha = scene.repo.commit("Hotfix", author="alice", on="main", by="mallory")
    scene.repo.activities.clear()
    assert known(scene.push(sha, before=before, actor="mallory").origin().pusher) is None


def test_a_merge_that_is_not_listed_yet_is_not_called_a_direct_push(scene: Scene) -> None:
    landed(scene, scene.repo.pull(author="alice"))
    scene.github.fault("GET /repos/*/commits/*/pulls", faults.altered(lambda _: []))
    assert unknown(scene.origin().changes).cause is Cause.UNAVAILABLE


def test_a_branch_of_a_pull_request_that_is_not_merged_here_names_its_pusher(scene: Scene) -> None:
    pull = scene.repo.pull(author="alice")
    scene.push(pull.head_sha, before=ZERO, actor="alice", branch="change-1")
    assert present(scene.origin().pusher).login == "alice"


def test_pull_requests_of_another_repository_do_not_count(scene: Scene) -> None:
    sha = landed(scene, scene.repo.pull(author="alice"))

    def elsewhere(body: list[dict[str, dict[str, dict[str, int]]]]) -> object:
        body[0]["base"]["repo"]["id"] = 666
        return body

    scene.github.fault(f"GET /repos/*/commits/{sha}/pulls", faults.altered(elsewhere))
    assert isinstance(scene.origin().changes, Unknown)


def test_without_the_repositorys_id_no_pull_request_can_be_told_from_a_forks(scene: Scene) -> None:
    landed(scene, scene.repo.pull(author="alice"))
    scene.environment["GITHUB_REPOSITORY_ID"] = ""
    scene.github.fault("GET /repos/acme/shop", faults.server_error())
    assert isinstance(scene.origin().changes, Unknown)


@pytest.mark.parametrize(
    ("fault", "cause"),
    [
        (faults.forbidden(accepted="pull_requests=read"), Cause.INVISIBLE),
        (faults.status(409, "Conflict"), Cause.UNAVAILABLE),
        (faults.server_error(), Cause.UNAVAILABLE),
        (faults.dict_for_list(), Cause.UNAVAILABLE),
        (faults.without("merge_commit_sha", "head"), Cause.UNAVAILABLE),
        (faults.replaced(state="reopened"), Cause.UNAVAILABLE),
        (faults.replaced(merged_at="yesterday"), Cause.UNAVAILABLE),
    ],
    ids=["403", "409", "5xx", "object", "missing", "unknown state", "no time"],
)
def test_an_answer_that_is_none_leaves_the_origin_unknown(scene: Scene, fault: faults.Fault, cause: Cause) -> None:
    landed(scene, scene.repo.pull(author="alice"))
    scene.github.fault("GET /repos/*/commits/*/pulls", fault)
    assert unknown(scene.origin().changes).cause is cause


def test_several_pull_requests_of_a_commit_are_all_told(scene: Scene) -> None:
    """A peer takes `first: 1`, an arbitrary one."""
    repo = scene.repo
    repo.branch("release")
    first = repo.pull(author="alice", base="release", head="topic")
    second = repo.pull(author="bob", base="release", head="topic")
    sha = repo.merge(second)
    first.merge_commit_sha = None
    scene.push(sha, before=ZERO, actor="olivia", branch="release")
    assert [(one.number, one.state) for one in scene.changes()] == [(2, ChangeState.MERGED)]
    scene.push(second.head_sha, before=ZERO, actor="alice", branch="topic")
    assert [(one.number, one.state) for one in scene.changes()] == [(1, ChangeState.OPEN), (2, ChangeState.MERGED)]


def test_what_was_not_asked_is_not_fetched(scene: Scene) -> None:
    landed(scene, scene.repo.pull(author="alice"))
    found = scene.change(reviews=False)
    assert all(isinstance(fact, Unknown) for fact in (found.reviews, found.contributions, found.owned_paths))
    assert scene.github.count() == 4


def test_a_pull_request_with_two_reviewers_costs_eleven_calls_with_its_people(scene: Scene) -> None:
    pull = scene.repo.pull(author="alice")
    pull.review("bob")
    pull.review("carol")
    landed(scene, pull)
    scene.seats()
    scene.claims()
    assert len(known(scene.change().reviews)) == 2
    assert scene.github.count() == 11
    assert scene.github.repeated() == {}


# Merged by the platform, or pushed


@pytest.mark.parametrize("method", ["merge", "squash", "rebase"])
def test_a_merge_by_the_platform_was_pushed_by_nobody(scene: Scene, method: str) -> None:
    landed(scene, scene.repo.pull(author="alice", commits=2), method)
    assert known(scene.change().pushed_by) is None


def pushed_merge(scene: Scene, *, by: str = "bob", verified: bool = False, parents: list[str] | None = None) -> Pull:
    """Merge an approved pull request by hand with more than it holds, and push that; GitHub calls it merged."""
    repo = scene.repo
    pull = repo.pull(author="alice")
    before = repo.branches["main"]
    sha = repo.commit(
        "Merge pull request #1",
        author=by,
        committer="web-flow" if verified else None,
        parents=parents or [before, pull.head_sha],
        files={"backdoor.py": "x"},
    )
    repo.push("main", sha, by=by)
    pull.record_merge(by=by, sha=sha, landed=[sha])
    scene.push(sha, before=before, actor=by)
    return pull


@pytest.mark.parametrize("verified", [False, True])
def test_a_merge_made_by_hand_names_who_pushed_it(scene: Scene, verified: bool) -> None:
    """`merge_commit_sha` is the pushed commit, whatever else that holds; the log's word stands above a signature."""
    pushed_merge(scene, verified=verified)
    found = scene.change()
    assert found.state is ChangeState.MERGED
    assert present(found.pushed_by).login == "bob"


def test_a_head_that_was_pushed_onto_the_target_names_who_pushed_it(scene: Scene) -> None:
    before = scene.repo.branches["main"]
    pull = scene.repo.pull(author="alice")
    scene.repo.push("main", pull.head_sha, by="mallory")
    pull.record_merge(by="mallory", sha=pull.head_sha, landed=[pull.head_sha])
    scene.push(pull.head_sha, before=before, actor="mallory")
    assert present(scene.change().pushed_by).login == "mallory"


def test_a_merged_commit_that_was_pushed_back_later_is_still_the_platforms(scene: Scene) -> None:
    sha = landed(scene, scene.repo.pull(author="alice"))
    other = scene.repo.commit("Hotfix", author="bob", on="main")
    scene.repo.push("main", sha, by="bob", force=True)
    scene.push(sha, before=other, actor="bob")
    assert known(scene.change().pushed_by) is None


def looks_at_the_log(scene: Scene) -> int:
    """Return how often the log of `main` was asked for."""
    return sum(call.query.get("ref") == "refs/heads/main" for call in scene.github.requests)


def forget(scene: Scene) -> None:
    """Empty the log of `main`."""
    scene.repo.activities[:] = [entry for entry in scene.repo.activities if entry.ref != "refs/heads/main"]


@pytest.mark.parametrize("method", ["merge", "squash"])
def test_a_merge_that_the_log_does_not_show_is_known_by_the_platforms_signature(scene: Scene, method: str) -> None:
    landed(scene, scene.repo.pull(author="alice", commits=2), method)
    forget(scene)
    assert known(scene.change().pushed_by) is None


def test_a_merge_that_neither_the_log_nor_a_signature_shows_is_unknown(scene: Scene) -> None:
    pushed_merge(scene)
    forget(scene)
    assert unknown(scene.change().pushed_by).cause is Cause.UNAVAILABLE


@pytest.mark.parametrize("onto", ["head", "another branch"])
def test_a_signed_commit_that_is_no_merge_of_the_pull_request_proves_nothing(scene: Scene, onto: str) -> None:
    """GitHub signs what people edit in the browser, and merges of any two branches."""
    repo = scene.repo
    head = repo.commit("Work", author="alice", parents=[repo.branches["main"]], on="change-1")
    parents = [head] if onto == "head" else [head, repo.branches["main"]]
    pushed_merge(scene, verified=True, parents=parents)
    forget(scene)
    assert isinstance(scene.change().pushed_by, Unknown)


def test_a_log_that_cannot_be_read_is_not_replaced_by_a_signature(scene: Scene) -> None:
    landed(scene, scene.repo.pull(author="alice"))
    scene.github.fault("GET /repos/*/activity", faults.server_error())
    assert unknown(scene.change().pushed_by).cause is Cause.UNAVAILABLE


def test_a_merge_is_looked_for_behind_the_first_page_and_no_further(scene: Scene) -> None:
    repo = scene.repo
    sha = repo.merge(repo.pull(author="alice"), method="rebase")
    for _ in range(250):
        repo.push("main", sha, by="olivia", force=True)
    repo.activities[:] = [entry for entry in repo.activities if entry.activity_type != "branch_creation"]
    found = judge(scene, sha)
    assert known(found.pushed_by) is None
    assert looks_at_the_log(scene) == 3
    assert scene.github.repeated() == {}


def test_a_log_is_read_back_to_the_day_before_the_merge(scene: Scene) -> None:
    repo = scene.repo
    for _ in range(250):
        repo.push("main", repo.branches["main"], by="olivia", force=True)
    for entry in repo.activities:
        entry.timestamp = "2020-01-01T00:00:00Z"
    pushed_merge(scene)
    assert present(scene.change().pushed_by).login == "bob"
    assert looks_at_the_log(scene) == 1


@pytest.mark.parametrize("method", ["merge", "squash", "rebase"])
def test_every_pull_request_of_a_group_was_merged_by_the_queue(scene: Scene, method: str) -> None:
    """The log has one entry for all, which ends at the last one's commit."""
    repo = scene.repo
    pulls = [repo.pull(author="alice", commits=2), repo.pull(author="bob", commits=2)]
    before = repo.branches["main"]
    sha = repo.land(repo.enqueue(*pulls, by="carol", method=method))
    scene.push(sha, before=before, actor="olivia")
    for origin in known(scene.provenance(history=True).history):
        (found,) = [one for one in known(origin.changes) if origin.sha in known(one.results)]
        assert known(found.pushed_by) is None
    assert looks_at_the_log(scene) == 1


def test_a_commit_below_a_rebase_that_holds_more_than_it_shows_is_no_result(scene: Scene) -> None:
    """Pushed directly with the author, date and message of the first commit, so that the rebase leaves that one out."""
    repo = scene.repo
    pull = repo.pull(author="alice", commits=2)
    first, last = (repo.commits[sha] for sha in repo.pull_commits(pull))
    extra = repo.commit(first.message, author=first.author, files={"evil.sh": "x"}, on="main", by="mallory")
    sha = repo.commit(last.message, author=last.author, committer="olivia", parents=[extra])
    repo.push("main", sha, by="olivia", activity="pr_merge")
    pull.record_merge(by="olivia", sha=sha, landed=[extra, sha])
    assert known(judge(scene, extra).results) == {sha}


# Histories


def test_a_merge_made_by_hand_below_a_merge_names_its_pusher_with_one_look_at_the_log(scene: Scene) -> None:
    repo = scene.repo
    before = repo.branches["main"]
    pushed_merge(scene)
    top = repo.merge(repo.pull(author="alice"))
    repo.activities[-1].before = before
    first, second = known(scene.push(top, before=before, actor="olivia").provenance(history=True).history)
    assert present(known(first.changes)[0].pushed_by).login == "bob"
    assert known(known(second.changes)[0].pushed_by) is None
    assert looks_at_the_log(scene) == 1


def test_every_first_parent_commit_of_a_push_is_traced_oldest_first(scene: Scene) -> None:
    """Laundering: a reviewed commit lands on top of a directly pushed one, and both ship."""
    repo = scene.repo
    before = repo.branches["main"]
    direct = repo.commit("Hotfix", author="mallory", parents=[before], files={"evil.sh": "x"})
    repo.branches["main"] = direct
    merged = repo.merge(repo.pull(author="alice", commits=2))
    repo.activities[-1].before = before
    history = known(scene.push(merged, before=before, actor="mallory").provenance(history=True).history)
    assert [(origin.sha, len(known(origin.changes))) for origin in history] == [(direct, 0), (merged, 1)]
    assert isinstance(known(history[1].changes)[0].reviews, Unknown)


def history(scene: Scene) -> Fact[tuple[Origin, ...]]:
    return scene.provenance(history=True).history


def test_the_checkout_is_asked_before_the_server(scene: Scene) -> None:
    before = scene.repo.branches["main"]
    sha = landed(scene, scene.repo.pull(author="alice"))
    asked: list[tuple[str, str]] = []

    def first_parents(base: str, head: str) -> list[str]:
        asked.append((base, head))
        return [sha]

    found = provenance.get_provenance(
        *scene.read(), history=True, reviews=False, owners=False, first_parents=first_parents
    )
    assert [origin.sha for origin in known(known(found).history)] == [sha]
    assert asked == [(before, sha)]
    assert scene.github.count("GET /repos/*/compare/*") == 0


def test_a_history_of_many_commits_is_read_to_its_end(scene: Scene) -> None:
    before, sha = pushed(scene, HISTORY_LIMIT)
    shas = [
        origin.sha for origin in known(scene.push(sha, before=before, actor="alice").provenance(history=True).history)
    ]
    assert len(shas) == HISTORY_LIMIT
    assert shas[-1] == sha
    assert scene.github.repeated() == {}


def pushed(scene: Scene, count: int) -> tuple[str, str]:
    before = sha = scene.repo.branches["main"]
    for _ in range(count):
        sha = scene.repo.commit("Work", author="alice", parents=[sha])
    scene.repo.push("main", sha, by="alice")
    return before, sha


def test_a_history_of_more_commits_is_unknown(scene: Scene) -> None:
    before, sha = pushed(scene, HISTORY_LIMIT + 1)
    assert (
        unknown(scene.push(sha, before=before, actor="alice").provenance(history=True).history).cause
        is Cause.UNAVAILABLE
    )
    assert scene.github.count("GET /repos/*/commits/*/pulls") == 1


def test_a_side_branch_counts_as_one_commit_of_the_history(scene: Scene) -> None:
    repo = scene.repo
    before = repo.branches["main"]
    side = before
    for _ in range(HISTORY_LIMIT + 5):
        side = repo.commit("Side", author="alice", parents=[side])
    sha = repo.commit("Merge", author="alice", parents=[before, side], on="main")
    shas = [
        origin.sha for origin in known(scene.push(sha, before=before, actor="alice").provenance(history=True).history)
    ]
    assert shas == [sha]


def test_a_new_branch_has_no_known_start(scene: Scene) -> None:
    sha = scene.repo.branch("topic", by="alice")
    scene.push(sha, before=ZERO, actor="alice", branch="topic")
    assert isinstance(history(scene), Unknown)


def test_a_forced_push_whose_start_is_gone_is_unknown(scene: Scene) -> None:
    sha = scene.repo.commit("Work", author="alice", on="main")
    scene.repo.activities[-1].before = "a" * 40
    scene.push(sha, before="a" * 40, actor="alice")
    assert isinstance(history(scene), Unknown)


def test_a_push_back_to_an_older_commit_brings_nothing(scene: Scene) -> None:
    repo = scene.repo
    old = repo.branches["main"]
    new = repo.commit("Work", author="alice", on="main")
    repo.push("main", old, by="alice", force=True)
    assert known(scene.push(old, before=new, actor="alice").provenance(history=True).history) == ()


def test_an_event_file_that_hides_commits_of_the_push_is_contradicted_by_the_log(scene: Scene) -> None:
    repo = scene.repo
    before = repo.branches["main"]
    direct = repo.commit("Hotfix", author="mallory", parents=[before])
    top = repo.commit("Top", author="alice", parents=[direct])
    repo.push("main", top, by="mallory")
    scene.push(top, before=before, actor="mallory")
    assert len(known(scene.provenance(history=True).history)) == 2
    scene.push(top, before=before, actor="mallory")
    rewrite(scene, {"before": direct})
    assert unknown(scene.provenance(history=True).history).cause is Cause.UNAVAILABLE


def test_a_start_that_only_the_event_file_knows_is_marked_as_its_word(scene: Scene) -> None:
    before = scene.repo.branches["main"]
    sha = scene.repo.commit("Work", author="alice", on="main")
    scene.repo.activities.clear()
    fact = scene.push(sha, before=before, actor="alice").provenance(history=True).history
    assert len(known(fact)) == 1
    assert not isinstance(fact, Unknown)
    assert fact.source is Source.EVENT


def test_a_log_that_cannot_be_read_leaves_the_start_unknown(scene: Scene) -> None:
    landed(scene, scene.repo.pull(author="alice"))
    scene.github.fault("GET /repos/*/activity", faults.primary_limit())
    assert unknown(scene.provenance(history=True).history).cause is Cause.UNAVAILABLE


def test_a_list_that_is_shorter_than_its_count_is_unknown(scene: Scene) -> None:
    landed(scene, scene.repo.pull(author="alice"))
    scene.github.fault("GET /repos/*/compare/*", faults.replaced(total_commits=500, commits=[]))
    assert isinstance(history(scene), Unknown)
    assert scene.github.count("GET /repos/*/compare/*") == 1


def test_only_a_push_has_a_history(scene: Scene) -> None:
    scene.start(scene.repo.run("schedule", actor="alice"), scene.events.schedule())
    assert isinstance(history(scene), Unknown)


def test_an_unknown_event_has_no_provenance(scene: Scene) -> None:
    landed(scene, scene.repo.pull(author="alice"))
    scene.github.fault("GET /repos/*/actions/runs/*", faults.replaced(event="fork"))
    unknown(
        provenance.get_provenance(*scene.read(), history=True, reviews=True, owners=True, first_parents=no_checkout)
    )


# Open changes


def test_an_open_change_stands_in_for_its_trial_merge(scene: Scene) -> None:
    change(scene)
    scene.repo.pulls["1"].review("bob")
    found = scene.provenance()
    assert found.standing_in is True
    (only,) = known(known(found.commit).changes)
    assert (only.number, only.state, len(known(only.reviews))) == (1, ChangeState.OPEN, 1)


def test_an_open_change_that_moved_on_is_not_judged_by_its_new_reviews(scene: Scene) -> None:
    """Pushed, run, and pushed back to the approved head: the run is still of the other one."""
    change(scene)
    scene.repo.pulls["1"].push(author="mallory")
    assert unknown(scene.provenance().commit).cause is Cause.UNAVAILABLE


def test_an_open_change_that_moved_on_is_noticed_without_the_run_as_well(scene: Scene) -> None:
    change(scene).token(contents="read", pull_requests="read")
    head = scene.repo.pulls["1"].head_sha
    scene.repo.pulls["1"].push(author="mallory")
    assert present(scene.run.change).head == head
    assert unknown(scene.provenance().commit).cause is Cause.UNAVAILABLE


def test_a_change_that_the_token_may_not_read_is_invisible(scene: Scene) -> None:
    change(scene).token(contents="read", actions="read")
    assert unknown(scene.provenance().commit).needs == "pull-requests: read"
