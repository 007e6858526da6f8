"""The rule about destructive examples."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest

from toolrec_kb.load import Source
from toolrec_kb.rules import Base, cautions

MakeSource = Callable[..., Source]

DESTRUCTIVE = """\
rm -rf {directory}
rm -v -f {file}
rm --recursive {directory}
find . -name '*.o' -delete
find . -name '*.o' -exec rm {} +
fd -e o -x rm
find . -print0 | xargs -0 rm
rsync -a --delete {directory}/ {output}/
rclone sync {directory} {name}:
Remove-Item {directory} -Recurse
Clear-RecycleBin
cmd /c del /s *.{extension}
cmd /c rd /s /q {directory}
robocopy {directory} {output} /MIR
sudo systemd-tmpfiles --clean
trash-empty 30
cleanmgr /sagerun:1
virtualenv --clear {directory}
sudo ddrescue -f /dev/{input} /dev/{output} {name}.map
sudo dd if={file} of=/dev/{device} bs=4M
sudo dd if={file} of={device}
cat {file} > /dev/sda
shred -u {file}
cipher /w:{directory}
truncate -s 0 {file}
sudo nwipe {device}
mogrify -resize 50% *.jpg
pngquant --force --ext .png {file}
sudo badblocks -wsv {device}
sudo mkfs.ext4 {device}
Write-Output 'select disk 1' 'clean' | diskpart
Format-Volume -DriveLetter {letter}
cmd /c format {letter}: /q
sudo parted {device} mklabel gpt
sudo sgdisk --zap-all {device}
sudo hdparm --security-erase {name} {device}
sudo nvme format {device}
diskutil eraseDisk APFS {name} {device}
sudo asr restore --source {file} --target {device} --erase
gpart destroy -F {device}
sudo cryptsetup luksFormat {device}
sudo mdadm --zero-superblock {device}
sudo zramctl --reset {device}
sudo lvremove {name}
sudo zfs destroy {name}
sudo btrfs subvolume delete {directory}
vssadmin delete shadows /all
tmutil deletelocalsnapshots {date}
restic -r {directory} forget --prune
git reset --hard
git clean -fd
git push --force
git restore {file}
git-filter-repo --path {file}
hg revert {file}
bfg --delete-files {name}
psql -c 'drop database {name}'
psql -c 'DELETE FROM {table}'
dropdb {name}
redis-cli FLUSHALL
mysqladmin drop {name}
pg_restore --clean -d {name} {file}
mongorestore --drop
docker system prune
sudo crictl rmi --prune
kubectl delete pod {pod}
helm uninstall {name}
terraform destroy
terraform state rm {name}
aws s3 rm s3://{bucket} --recursive
gcloud compute instances delete {name}
gsutil rm -r gs://{bucket}
multipass delete {name}
virsh undefine {name}
sudo bhyvectl --destroy --vm={name}
wsl --unregister {name}
ollama rm {model}
sudo userdel -r {user}
sudo sysadminctl -deleteUser {user}
Remove-LocalUser {user}
crontab -r
reg delete HKCU\\{key}
schtasks /Delete /TN {name}
wevtutil cl System
bcdedit /delete {id}
sudo apt purge {package}
doas pkg_delete -a
sudo journalctl --vacuum-size=500M
secret-tool clear service {service}
defaults delete {domain}
exiftool -all= {file}
kill -9 -1
pkill -9 {name}
taskkill /F /IM {name}.exe
Stop-Process -Name {name} -Force
sudo iptables -F
sudo ufw reset
""".splitlines()

HARMLESS = """\
rm {file}
docker run --rm {image}
rsync -an --delete --dry-run {directory}/ {output}/
Remove-Item {directory} -Recurse -WhatIf
terraform plan -destroy
trap 'rm -f "$tmpfile"' EXIT
dd if={device} of={file}
dd if={file} of=/dev/null
ls > /dev/null
truncate -s 10M {file}
mkfs.cramfs {directory} {output}
rmdir {directory}
git push
git reset --soft HEAD~1
kill {pid}
clang-format -i {file}
Format-Table
sudo parted -l
docker ps
kubectl get pods
crontab -l
sudo iptables -L
tree --prune
""".splitlines()


def showing(make_source: MakeSource, command: str, **fields: object) -> Source:
    """Return an entry with this as its second example."""
    examples = [{"task": "find all", "command": "fd"}, {"task": "do away with it", "command": command}]
    return make_source(examples=examples, **fields)


@pytest.mark.parametrize("command", DESTRUCTIVE)
def test_destructive(make_source: MakeSource, base: Base, command: str) -> None:
    """A destructive example asks for a caution, and is content with one."""
    (problem,) = cautions.check(showing(make_source, command), base)
    assert problem.field == "caution"
    assert problem.reason.startswith("is missing: examples[1] ")
    assert list(cautions.check(showing(make_source, command, caution="It is gone."), base)) == []


@pytest.mark.parametrize("command", HARMLESS)
def test_harmless(make_source: MakeSource, base: Base, command: str) -> None:
    """What only resembles a destructive command, or only shows what it would do, is in order."""
    assert list(cautions.check(showing(make_source, command), base)) == []


def test_one_finding_an_entry(make_source: MakeSource, base: Base) -> None:
    """An entry with several destructive examples is reported once, for the first."""
    shown = [{"task": f"destroy {number}", "command": command} for number, command in enumerate(DESTRUCTIVE)]
    (problem,) = cautions.check(make_source(examples=shown), base)
    assert problem.reason == "is missing: examples[0] deletes files"


def test_no_pattern_is_idle() -> None:
    """Each pattern knows one of the commands above."""
    patterns = [pattern for group in cautions.DESTRUCTIVE.values() for pattern in group]
    assert [pattern for pattern in patterns if not any(re.search(pattern, line) for line in DESTRUCTIVE)] == []
