"""An entry with a destructive example says in `caution` what is at stake.

Knows the usual destructive invocations by pattern, and nothing of what a command's file holds: `diskpart /s`,
`{command}` and scripts are beyond it. Runs that only show what they would do are let pass.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

from toolrec_kb.load import Problem, Source

if TYPE_CHECKING:
    from toolrec_kb.rules import Base

DESTRUCTIVE = {
    "deletes files": (
        r"(?<![\w-])rm\s+(?:-\w+\s+)*-(?:\w*[rRf]|-recursive|-force)",
        r"\bfind\b.*\s-delete\b",
        r"(?:-exec|-execdir|-x|xargs)\s.*?\brm\b",
        r"\brsync\b.*--(?:delete|remove-source-files)",
        r"\brclone\s+(?:sync|purge|delete)\b",
        r"\b(?:Remove-Item|ri)\b.*-(?:Recurse|Force)",
        r"\bClear-RecycleBin\b",
        r"(?:^|[\s\"])(?:del|erase)\s.*?/[sSqQfF]\b",
        r"(?:^|[\s\"])(?:rd|rmdir)\s.*?/[sS]\b",
        r"\brobocopy\b.*/(?:MIR|PURGE|MOVE)\b",
        r"\bsystemd-tmpfiles\b.*--(?:clean|remove|purge)",
        r"\btmpreaper\b|\btrash-empty\b",
        r"\bcleanmgr\s+/(?:sagerun|lowdisk|verylowdisk)",
        r"\bvirtualenv\b.*--clear\b",
        r"\bdd_?rescue\b.*\s-f\b.*/dev/",
    ),
    "overwrites what is there": (
        r"(?<!\S)dd\s.*\bof=(?:/dev/(?!null)|\{device\})",
        r">\s*/dev/(?:sd|nvme|disk|hd|mmc|vd|\{)",
        r"\b(?:shred|wipe|srm|sdelete|wipefs|blkdiscard)\s+(?!--?help)\S",
        r"\bcipher\s+/[wW]\b",
        r"\btruncate\b.*-s\s*0\b",
        r"\bnwipe\b",
        r"\bmogrify\b",
        r"\bpngquant\b.*--force\b",
        r"\bbadblocks\b.*\s-\w*w",
    ),
    "empties a disk or a part of it": (
        r"(?<![\w-])(?:mkfs(?!\.cramfs)(?:\.\w+)?|mkswap|mke2fs|newfs\w*)\s+\S",
        r"\bclean\b.*\bdiskpart\b",
        r"(?<![\w-])(?:Format-Volume|Clear-Disk|Remove-Partition|Initialize-Disk)\b",
        r"(?:^|\s)format\s+(?:\{letter\}|[A-Z]):",
        r"\bparted\b.*\b(?:mklabel|mktable|rm)\b",
        r"\bsgdisk\b.*(?:--zap|-Z\b|-o\b|--clear|-d\b|--delete)",
        r"\bhdparm\b.*--(?:security-erase|trim-sector)",
        r"\bnvme\s+(?:format|sanitize)\b",
        r"\bdiskutil\s+(?:erase|partition|zero|secureErase|apfs delete)",
        r"\basr\b.*--erase\b",
        r"\bgpart\s+(?:destroy|delete)\b",
        r"\bcryptsetup\s.*(?:luksFormat|luksErase|erase)\b",
        r"\bmdadm\b.*--(?:zero-superblock|create)\b",
        r"\bzramctl\b.*--reset\b",
    ),
    "destroys volumes or snapshots": (
        r"(?<![\w-])(?:lv|vg|pv)remove\b",
        r"\b(?:zfs|zpool)\s+(?:destroy|rollback|labelclear)\b",
        r"\bbtrfs\s+subvolume\s+delete\b",
        r"\bvssadmin\s+delete\b",
        r"\b(?:tmutil|snapper)\s+delete\w*\b",
        r"\b(?:restic|borg)\b.*\b(?:forget|prune|delete)\b",
    ),
    "throws away work": (
        r"\bgit\s+reset\b.*--hard",
        r"\bgit\s+clean\b.*\s-\w*f",
        r"\bgit\s+push\b.*(?:--force|--mirror|--delete|\s-f\b)",
        r"\bgit\s+(?:restore|checkout\s+--|checkout\s+\.|branch\s+-D|stash\s+(?:drop|clear)|filter-branch)",
        r"\bgit-filter-repo\b.*--(?:path|invert-paths|strip|replace|subdirectory)",
        r"\b(?:hg|svn|bzr|brz)\s+(?:revert|purge|strip)\b",
        r"\bbfg\b.*--(?:delete|strip|replace)",
    ),
    "deletes data in a database": (
        r"(?i:\bdrop\s+(?:database|table|schema)\b)",
        r"(?i:\bdelete\s+from\b|\btruncate\s+table\b)",
        r"(?<![\w-])dropdb\b",
        r"(?i:\bflush(?:all|db)\b)",
        r"\bmysqladmin\b.*\bdrop\b",
        r"\bpg_restore\b.*(?:--clean|\s-c\b)",
        r"\bmongorestore\b.*--drop\b",
    ),
    "deletes containers, images, clusters or what stands in a cloud": (
        r"\b(?:docker|podman|nerdctl|buildah)\b.*\b(?:prune|rm\s+-f|rmi\s+-f|rm\s+-v|down\s+-v|volume\s+rm)\b",
        r"\bcrictl\b.*(?:--prune|\brmp?\b)",
        r"\b(?:kubectl|oc|eksctl|k3d|kind|minikube|skaffold|helmfile)\s+(?:\w+\s+)?(?:delete|destroy|drain)\b",
        r"\bhelm\s+(?:uninstall|delete)\b",
        r"\b(?:terraform|tofu|terragrunt|pulumi|cdk|vagrant)\b.*(?<!-)\bdestroy\b",
        r"\bterraform\s+state\s+rm\b",
        r"\baws\s+s3\s+(?:rb|rm)\b|\baws\b.*\s(?:delete|terminate)-",
        r"\b(?:gcloud|az|doctl|hcloud|linode-cli|flyctl|fly|heroku)\b.*\b(?:delete|destroy)\b",
        r"\bgsutil\b.*\b(?:rm|rb)\b|\bgsutil\b.*rsync\s.*-d\b",
        r"\bmultipass\s+(?:purge|delete)\b|\b(?:lxc|incus)\s+delete\b",
        r"\bvirsh\b.*\b(?:undefine|destroy|vol-delete)\b",
        r"\bbhyvectl\b.*--destroy\b",
        r"\bwsl\b.*--unregister\b",
        r"\bollama\s+rm\b|\bconda\s+env\s+remove\b",
    ),
    "deletes accounts, jobs or settings": (
        r"(?<![\w-])(?:userdel|deluser|pw\s+userdel)\b.*(?:\s-r\b|--remove)",
        r"\bsysadminctl\b.*-deleteUser\b",
        r"\bRemove-LocalUser\b",
        r"\bcrontab\b.*\s-r\b",
        r"\breg(?:\.exe)?\s+delete\b",
        r"\bschtasks\b.*/[dD]elete\b",
        r"\bwevtutil\s+cl\b|\bClear-EventLog\b",
        r"\bbcdedit\b.*/delete",
        r"\bapt(?:-get)?\s+(?:purge|autoremove)\b",
        r"\bpkg_delete\s+-a\b",
        r"\bjournalctl\b.*--vacuum",
        r"\b(?:security\s+delete-|secret-tool\s+clear|gpg\b.*--delete-(?:secret-)?key)",
        r"\bPlistBuddy\b.*\bDelete\b|\bdefaults\s+delete\b",
    ),
    "deletes what a file says of itself": (
        r"\beyeD3\b.*--remove-all|\bAtomicParsley\b.*--metaEnema|\bexiftool\b.*-all=",
    ),
    "ends programs or connections at once": (
        r"\bkill\s+-(?:9|KILL|SIGKILL)\b",
        r"\b(?:pkill|killall)\s+-(?:9|KILL)\b",
        r"\btaskkill\b.*/F\b",
        r"\bStop-Process\b.*-Force\b",
        r"\b(?:ip6?tables|nft)\b.*(?:\s-F\b|--flush|flush\s+ruleset)",
        r"\bufw\s+reset\b",
    ),
}


def _any_of(patterns: Iterable[str]) -> re.Pattern[str]:
    """Return one pattern for all; those that begin a word share the look for its beginning, which makes it faster."""
    words: list[str] = []
    others: list[str] = []
    for pattern in patterns:
        (words if pattern.startswith(r"\b") else others).append(pattern.removeprefix(r"\b"))
    return re.compile("|".join([rf"\b(?:{'|'.join(words)})", *others]))


_ANY = _any_of(pattern for patterns in DESTRUCTIVE.values() for pattern in patterns)
_PATTERNS = tuple((what, re.compile("|".join(patterns))) for what, patterns in DESTRUCTIVE.items())
_SHOWS_ONLY = re.compile(r"--(?:dry-run|what-?if|simulate|help|no-act)\b|-WhatIf\b|\$tmp")


def check(source: Source, base: Base) -> Iterator[Problem]:
    """Report the first destructive example of an entry without a caution."""
    if source.tool.caution:
        return
    for number, example in enumerate(source.tool.examples):
        what = destroys(example.command)
        if what:
            yield Problem(str(source.path), "caution", f"is missing: examples[{number}] {what}")
            return


def destroys(command: str) -> str:
    """Return what a command does that cannot be undone, or an empty string."""
    if not _ANY.search(command) or _SHOWS_ONLY.search(command):
        return ""
    return next((what for what, pattern in _PATTERNS if pattern.search(command)), "")
