"""Response bodies of GitHub's REST API; the tests check them against its own description."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

from github_fake import diffs
from github_fake.world import (
    Artifact,
    CheckRun,
    Comment,
    Pull,
    Repository,
    Review,
    ReviewComment,
    Status,
    User,
    World,
    as_text,
    sha_of,
)

SITE = "https://github.com"


def user(world: World, one: User) -> dict[str, Any]:
    url = f"{world.url}/users/{quote(one.login)}"
    lists = ("followers", "subscriptions", "organizations", "repos", "received_events")
    return {
        "login": one.login,
        "id": one.id,
        "node_id": f"U_{one.id}",
        "avatar_url": f"{SITE}/images/{one.id}.png",
        "gravatar_id": "",
        "url": url,
        "html_url": _page_of(one),
        **{f"{each}_url": f"{url}/{each}" for each in lists},
        "following_url": f"{url}/following{{/other_user}}",
        "gists_url": f"{url}/gists{{/gist_id}}",
        "starred_url": f"{url}/starred{{/owner}}{{/repo}}",
        "events_url": f"{url}/events{{/privacy}}",
        "type": one.type,
        "site_admin": False,
    }


def _page_of(one: User) -> str:
    return f"{SITE}/apps/{one.login.removesuffix('[bot]')}" if one.type == "Bot" else f"{SITE}/{quote(one.login)}"


def private_user(world: World, one: User) -> dict[str, Any]:
    words = ("name", "company", "blog", "location", "email", "hireable", "bio")
    numbers = ("public_repos", "public_gists", "followers", "following", "private_gists", "total_private_repos")
    return {
        **user(world, one),
        **dict.fromkeys(words),
        **dict.fromkeys(numbers, 0),
        "owned_private_repos": 0,
        "disk_usage": 0,
        "collaborators": 0,
        "two_factor_authentication": True,
        "user_view_type": "private",
        "created_at": "2020-01-01T00:00:00Z",
        "updated_at": "2020-01-01T00:00:00Z",
    }


_REPOSITORY_LISTS = """
assignees{/user} branches{/branch} blobs:git/blobs{/sha} collaborators{/collaborator} comments{/number} commits{/sha}
compare/{base}...{head} contents/{+path} contributors deployments downloads events forks git_commits:git/commits{/sha}
git_refs:git/refs{/sha} git_tags:git/tags{/sha} hooks issue_comment:issues/comments{/number}
issue_events:issues/events{/number} issues{/number} keys{/key_id} labels{/name} languages merges milestones{/number}
notifications{?since,all,participating} pulls{/number} releases{/id} stargazers statuses/{sha} subscribers subscription
tags teams trees:git/trees{/sha}
"""


def repository(world: World, one: Repository, *, full: bool = False) -> dict[str, Any]:
    url = f"{world.url}/repos/{one.full_name}"
    lists: dict[str, str] = {"archive_url": f"{url}/{{archive_format}}{{/ref}}"}
    for each in _REPOSITORY_LISTS.split():
        name, _, path = each.partition(":")
        plain = name.split("{")[0].strip("/")
        lists[f"{plain}_url"] = f"{url}/{path or each}"
    page = f"{SITE}/{one.full_name}"
    document: dict[str, Any] = {
        "id": one.id,
        "node_id": f"R_{one.id}",
        "name": one.name,
        "full_name": one.full_name,
        "private": one.private,
        "owner": user(world, one.owner),
        "html_url": page,
        "description": None,
        "fork": one.parent is not None,
        "url": url,
        **lists,
        "git_url": f"git://github.com/{one.full_name}.git",
        "ssh_url": f"git@github.com:{one.full_name}.git",
        "clone_url": f"{page}.git",
        "svn_url": page,
        **dict.fromkeys(("homepage", "language", "mirror_url", "license")),
        **dict.fromkeys(("forks", "open_issues", "watchers", "size"), 0),
        **dict.fromkeys(("forks_count", "stargazers_count", "watchers_count", "open_issues_count"), 0),
        **dict.fromkeys(("has_issues", "has_projects", "has_downloads", "has_wiki"), True),
        **dict.fromkeys(("has_pages", "has_discussions", "archived", "disabled"), False),
        "default_branch": one.default_branch,
        "visibility": "private" if one.private else "public",
        "pushed_at": world.clock.text(),
        "created_at": "2020-01-01T00:00:00Z",
        "updated_at": "2020-01-01T00:00:00Z",
    }
    return document | ({"network_count": 0, "subscribers_count": 0} if full else {})


def pull(world: World, one: Pull, *, full: bool = False) -> dict[str, Any]:
    url = f"{world.url}/repos/{one.repository.full_name}/pulls/{one.number}"
    issue = f"{world.url}/repos/{one.repository.full_name}/issues/{one.number}"
    statuses = f"{world.url}/repos/{one.repository.full_name}/statuses/{one.head_sha}"
    page = f"{SITE}/{one.repository.full_name}/pull/{one.number}"
    comment = f"{world.url}/repos/{one.repository.full_name}/pulls/comments{{/number}}"
    when = as_text(one.created)
    document: dict[str, Any] = {
        "url": url,
        "id": one.id,
        "node_id": f"PR_{one.id}",
        "html_url": page,
        "diff_url": f"{page}.diff",
        "patch_url": f"{page}.patch",
        "issue_url": issue,
        "commits_url": f"{url}/commits",
        "review_comments_url": f"{url}/comments",
        "review_comment_url": comment,
        "comments_url": f"{issue}/comments",
        "statuses_url": statuses,
        "number": one.number,
        "state": one.state,
        "locked": one.locked,
        "title": one.title,
        "user": user(world, one.user),
        "body": None,
        "labels": [],
        "milestone": None,
        "created_at": when,
        "updated_at": world.clock.text(),
        "closed_at": None if one.state == "open" else world.clock.text(),
        "merged_at": world.clock.text() if one.merged else None,
        "merge_commit_sha": sha_of("merge", one.head_sha),
        "assignee": None,
        "assignees": [],
        "requested_reviewers": [],
        "requested_teams": [],
        "draft": False,
        "head": _end(world, one.head_ref, one.head_sha, one.head_repository, one.user),
        "base": _end(world, one.base_ref, one.base_sha, one.repository, one.repository.owner),
        "_links": _links(
            self=url,
            html=page,
            issue=issue,
            comments=f"{issue}/comments",
            review_comments=f"{url}/comments",
            review_comment=comment,
            commits=f"{url}/commits",
            statuses=statuses,
        ),
        "author_association": "CONTRIBUTOR",
        "auto_merge": None,
    }
    if not full:
        return document
    changed = diffs.changed_files(one.base_files, one.head_files)
    sums = [
        diffs.counts(one.base_files.get(before or path, ""), one.head_files.get(path, ""))
        for _, path, before in changed
    ]
    return document | {
        "merged": one.merged,
        "mergeable": True,
        "mergeable_state": "clean",
        "merged_by": None,
        "comments": sum(each.pull is one for each in world.comments),
        "review_comments": len(world.review_comments(one)),
        "maintainer_can_modify": False,
        "commits": len(one.shas),
        "additions": sum(added for added, _ in sums),
        "deletions": sum(taken for _, taken in sums),
        "changed_files": len(changed),
    }


def _end(world: World, ref: str, sha: str, where: Repository | None, owner: User) -> dict[str, Any]:
    """Return one end of a pull request. The repository of a head can be deleted."""
    owner = where.owner if where else owner
    return {
        "label": f"{owner.login}:{ref}",
        "ref": ref,
        "sha": sha,
        "user": user(world, owner),
        "repo": repository(world, where) if where else None,
    }


def _links(**urls: str) -> dict[str, dict[str, str]]:
    return {name: {"href": url} for name, url in urls.items()}


def changed_file(world: World, one: Pull, status: str, path: str, before: str | None) -> dict[str, Any]:
    old, new = one.base_files.get(before or path, ""), one.head_files.get(path, "")
    added, taken = diffs.counts(old, new)
    there = f"{one.repository.full_name}/blob/{one.head_sha}/{path}"
    return {
        "sha": sha_of("blob", new),
        "filename": path,
        "status": status,
        "additions": added,
        "deletions": taken,
        "changes": added + taken,
        "blob_url": f"{SITE}/{there}",
        "raw_url": f"{SITE}/{there.replace('/blob/', '/raw/', 1)}",
        "contents_url": f"{world.url}/repos/{one.repository.full_name}/contents/{path}?ref={one.head_sha}",
        **({"patch": diffs.patch(old, new)} if old != new else {}),
        **({"previous_filename": before} if before else {}),
    }


def _app(world: World, slug: str) -> dict[str, Any]:
    owner = User("github", 9919, "Organization")
    return {
        "id": 15368,
        "slug": slug,
        "node_id": f"A_{slug}",
        "owner": user(world, owner),
        "name": slug,
        "description": "",
        "external_url": SITE,
        "html_url": f"{SITE}/apps/{slug}",
        "created_at": "2020-01-01T00:00:00Z",
        "updated_at": "2020-01-01T00:00:00Z",
        "permissions": {},
        "events": [],
    }


def comment(world: World, one: Comment) -> dict[str, Any]:
    repository_url = f"{world.url}/repos/{one.pull.repository.full_name}"
    return {
        "url": f"{repository_url}/issues/comments/{one.id}",
        "html_url": f"{SITE}/{one.pull.repository.full_name}/pull/{one.pull.number}#issuecomment-{one.id}",
        "issue_url": f"{repository_url}/issues/{one.pull.number}",
        "id": one.id,
        "node_id": one.node_id,
        "user": user(world, one.user),
        "created_at": as_text(one.created),
        "updated_at": as_text(one.updated),
        "author_association": "CONTRIBUTOR" if one.user.type == "Bot" else "NONE",
        "body": world.gives_back(one.body),
        "reactions": _reactions(f"{repository_url}/issues/comments/{one.id}"),
        "performed_via_github_app": _app(world, one.app) if one.app else None,
    }


def _reactions(url: str) -> dict[str, Any]:
    kinds = ("+1", "-1", "laugh", "hooray", "confused", "heart", "rocket", "eyes")
    return {"url": f"{url}/reactions", "total_count": 0, **dict.fromkeys(kinds, 0)}


def review(world: World, one: Review) -> dict[str, Any]:
    url = f"{world.url}/repos/{one.pull.repository.full_name}/pulls/{one.pull.number}"
    page = f"{SITE}/{one.pull.repository.full_name}/pull/{one.pull.number}#pullrequestreview-{one.id}"
    submitted = {} if one.submitted is None else {"submitted_at": as_text(one.submitted)}
    return {
        "id": one.id,
        "node_id": f"PRR_{one.id}",
        "user": user(world, one.user),
        "body": one.body,
        "state": one.state,
        "html_url": page,
        "pull_request_url": url,
        "author_association": "CONTRIBUTOR",
        "_links": _links(html=page, pull_request=url),
        "commit_id": one.commit_id,
        **submitted,
    }


def review_comment(world: World, one: ReviewComment) -> dict[str, Any]:
    repository_url = f"{world.url}/repos/{one.pull.repository.full_name}"
    url = f"{repository_url}/pulls/comments/{one.id}"
    of_pull = f"{repository_url}/pulls/{one.pull.number}"
    page = f"{SITE}/{one.pull.repository.full_name}/pull/{one.pull.number}#discussion_r{one.id}"
    document = {
        "url": url,
        "pull_request_review_id": one.review.id,
        "id": one.id,
        "node_id": one.node_id,
        "diff_hunk": one.diff_hunk,
        "path": one.path,
        "commit_id": one.commit_id,
        "original_commit_id": one.original_commit_id,
        "user": user(world, one.user),
        "body": world.gives_back(one.body),
        "created_at": as_text(one.created),
        "updated_at": as_text(one.updated),
        "html_url": page,
        "pull_request_url": of_pull,
        "author_association": "CONTRIBUTOR",
        "_links": _links(self=url, html=page, pull_request=of_pull),
        "reactions": _reactions(url),
        "subject_type": one.subject_type,
    }
    if one.reply_to is not None:
        document["in_reply_to_id"] = one.reply_to.id
    if one.subject_type == "file":
        return document | {"position": 1, "original_position": 1}
    return document | {
        "start_line": one.start_line,
        "original_start_line": one.original_start_line,
        "start_side": one.start_side,
        "line": one.line,
        "original_line": one.original_line,
        "side": one.side,
        "position": one.position,
        "original_position": one.original_position,
    }


def status(world: World, one: Status, *, creator: bool = True) -> dict[str, Any]:
    return {
        "url": f"{world.url}/statuses/{one.sha}",
        "avatar_url": f"{SITE}/images/{one.creator.id}.png",
        "id": one.id,
        "node_id": f"SC_{one.id}",
        "state": one.state,
        "description": one.description,
        "target_url": one.target_url,
        "context": one.context,
        "created_at": as_text(one.created),
        "updated_at": as_text(one.created),
        **({"creator": user(world, one.creator)} if creator else {}),
    }


def check_run(world: World, one: CheckRun) -> dict[str, Any]:
    url = f"{world.url}/repos/{one.repository.full_name}/check-runs/{one.id}"
    return {
        "id": one.id,
        "name": one.name,
        "node_id": f"CR_{one.id}",
        "head_sha": one.head_sha,
        "external_id": one.external_id,
        "url": url,
        "html_url": f"{SITE}/{one.repository.full_name}/runs/{one.id}",
        "details_url": one.details_url,
        "status": one.status,
        "conclusion": one.conclusion,
        "started_at": as_text(one.started),
        "completed_at": None if one.completed is None else as_text(one.completed),
        "output": {
            "title": one.title,
            "summary": one.summary,
            "text": one.text,
            "annotations_count": len(one.annotations),
            "annotations_url": f"{url}/annotations",
        },
        "check_suite": {"id": one.id},
        "app": _app(world, one.app),
        "pull_requests": [],
    }


def annotation(one: CheckRun, given: dict[str, Any]) -> dict[str, Any]:
    there = f"{SITE}/{one.repository.full_name}/blob/{one.head_sha}/{given['path']}"
    optional = dict.fromkeys(("start_column", "end_column", "title", "raw_details"))
    return {**optional, **given, "blob_href": there}


def artifact(world: World, one: Artifact) -> dict[str, Any]:
    url = f"{world.url}/repos/{one.repository.full_name}/actions/artifacts/{one.id}"
    return {
        "id": one.id,
        "node_id": f"AR_{one.id}",
        "name": one.name,
        "size_in_bytes": len(one.data),
        "url": url,
        "archive_download_url": f"{url}/zip",
        "expired": one.expired,
        "created_at": as_text(one.created),
        "updated_at": as_text(one.created),
        "expires_at": as_text(one.created + 90 * 86400),
        "workflow_run": {"id": one.run_id, "repository_id": one.repository.id},
    }
