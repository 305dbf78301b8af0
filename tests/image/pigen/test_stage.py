"""What can be said of the recipe for Raspberry Pi OS without building it: pi-gen itself does not run here (docs/design/image-pi-gen.md)."""

import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).parents[3]
RECIPE = ROOT / "image/pi-gen"
STAGE = RECIPE / "stage-meshgate"
STANDIN = Path(__file__).with_name("standin")
FILES = sorted(path for path in RECIPE.rglob("*") if path.is_file())
SCRIPTS = [RECIPE / "build.sh", STANDIN, *STAGE.rglob("*.sh")]

KNOWN = {
    *("IMG_NAME", "IMG_DATE", "RELEASE", "TARGET_HOSTNAME", "LOCALE_DEFAULT", "TIMEZONE_DEFAULT", "KEYBOARD_KEYMAP", "KEYBOARD_LAYOUT"),
    *("FIRST_USER_NAME", "FIRST_USER_PASS", "DISABLE_FIRST_BOOT_USER_RENAME", "PASSWORDLESS_SUDO", "ENABLE_CLOUD_INIT"),
    *("ENABLE_SSH", "PUBKEY_SSH_FIRST_USER", "PUBKEY_ONLY_SSH", "WPA_COUNTRY", "STAGE_LIST", "EXPORT_CONFIG_DIR"),
    *("DEPLOY_COMPRESSION", "COMPRESSION_LEVEL", "APT_PROXY", "TEMP_REPO", "USE_QEMU", "SETFCAP", "WORK_DIR", "DEPLOY_DIR"),
}
"""What pi-gen of 2026-06 reads; a variable it does not know would be believed to do something."""
OF_NUMBER = re.compile(r"[0-9]{2}-(debconf|packages|packages-nr|patches|run\.sh|run-chroot\.sh)")


def settings(path: Path) -> dict[str, str]:
    lines = [line for line in path.read_text().splitlines() if line and not line.startswith("#")]
    return dict(line.split("=", 1) for line in lines)


def packages(path: Path) -> set[str]:
    return {word for line in path.read_text().splitlines() for word in line.partition("#")[0].split()}


def check(*arguments: object, **variables: str) -> subprocess.CompletedProcess[str]:
    env = {"PATH": os.environ["PATH"], **variables}
    return subprocess.run(list(map(str, arguments)), capture_output=True, text=True, env=env, check=False, stdin=subprocess.DEVNULL)


def test_every_file_has_a_name_that_pi_gen_looks_for() -> None:
    for path in STAGE.iterdir():
        assert path.is_dir() or path.name in {"prerun.sh", "EXPORT_IMAGE"}, path
    for directory in (path for path in STAGE.iterdir() if path.is_dir()):
        names = {path.name for path in directory.iterdir()}
        assert any(OF_NUMBER.fullmatch(name) for name in names), directory
        odd = {name for name in names if not OF_NUMBER.fullmatch(name)}
        said = "".join(path.read_text() for path in directory.iterdir() if OF_NUMBER.fullmatch(path.name))
        assert all(name in said for name in odd), f"nothing uses {odd} in {directory}"


def test_what_pi_gen_starts_on_the_host_can_be_executed_and_the_rest_need_not() -> None:
    for path in STAGE.rglob("*.sh"):
        on_host = path.name == "prerun.sh" or path.name.endswith("-run.sh")
        assert os.access(path, os.X_OK) is on_host, path
        assert path.read_text().startswith("#!") is on_host, path


def test_config_has_only_what_pi_gen_knows_and_no_password() -> None:
    chosen = settings(RECIPE / "config")
    assert set(chosen) <= KNOWN
    assert "FIRST_USER_PASS" not in chosen
    assert (chosen["ENABLE_SSH"], chosen["DISABLE_FIRST_BOOT_USER_RENAME"], chosen["ENABLE_CLOUD_INIT"]) == ("0", "0", "1")
    made = set(re.findall(r"^    printf '%s=%q.*$", (RECIPE / "build.sh").read_text(), re.MULTILINE))
    assert made
    assert set(re.findall(r"\b([A-Z_]{8,}) \"", "".join(made))) <= KNOWN


def test_a_variable_that_pi_gen_does_not_know_would_be_found(tmp_path: Path) -> None:
    (tmp_path / "config").write_text((RECIPE / "config").read_text() + "ENABLE_SHH=1\n")
    assert not set(settings(tmp_path / "config")) <= KNOWN


def test_the_packages_are_those_of_the_roles_and_of_the_access_point() -> None:
    wanted: set[str] = set()
    for role in ("meshgate_base", "meshgate_app"):
        defaults = yaml.safe_load((ROOT / "ansible/roles" / role / "defaults/main.yml").read_text())
        wanted |= set(defaults[f"{role}_packages"])
    assert packages(STAGE / "00-system/00-packages-nr") == wanted | {"dnsmasq-base"}


def test_variables_are_those_of_the_roles() -> None:
    known: set[str] = set()
    for role in ("meshgate_base", "meshgate_app"):
        known |= set(yaml.safe_load((ROOT / "ansible/roles" / role / "defaults/main.yml").read_text()))
    assert set(yaml.safe_load((STAGE / "01-provision/variables.yml").read_text())) <= known


def test_the_commit_is_named_by_its_digits_and_the_day_it_was_made() -> None:
    lock = settings(RECIPE / "versions.lock")
    assert re.fullmatch(r"[0-9a-f]{8,40}", lock["PI_GEN_COMMIT"])
    assert re.fullmatch(r"20[0-9]{2}-[0-9]{2}-[0-9]{2}", lock["PI_GEN_DATE"])
    assert lock["PI_GEN_BRANCH"] == "arm64"
    assert lock["PI_GEN_REPOSITORY"].startswith("https://")


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_no_file_has_a_secret(path: Path) -> None:
    text = path.read_text()
    assert not re.search(r"-----BEGIN [A-Z ]*KEY-----\n|ssh-(rsa|ed25519) AAAA|\$[156y]\$[./A-Za-z0-9]|signing [0-9a-f]{64}", text)
    assert not re.search(r"(?m)^\s*(export )?[A-Z_]*(PASS|PASSWORD|PSK|SECRET|TOKEN)=.", text)


@pytest.mark.skipif(shutil.which("shellcheck") is None, reason="shellcheck is not here, so no script was checked: apt install shellcheck")
def test_shellcheck_finds_nothing() -> None:
    done = check("shellcheck", "--external-sources", "--shell=bash", f"--source-path={ROOT}", *SCRIPTS)
    assert (done.returncode, done.stdout) == (0, "")


def test_build_says_how_it_is_used_and_what_is_missing() -> None:
    done = check(RECIPE / "build.sh")
    assert (done.returncode, "build.sh BUNDLE KEYS" in done.stderr) == (2, True)
    bare = check("/bin/bash", RECIPE / "build.sh", "--check", PATH="/nowhere:/bin:/usr/bin")
    assert bare.returncode == 1
    assert re.search(r"is not here|cannot run here|only root|no \.venv|needs Linux", bare.stdout)


class Sandbox:
    """The recipe in a source tree of its own, with stand-ins for the tools and for pi-gen's repository."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.tree = root / "tree"
        shutil.copytree(RECIPE, self.tree / "image/pi-gen")
        self.upstream = root / "upstream"
        self.upstream.mkdir()
        (self.upstream / "stage2").mkdir()
        (self.upstream / "stage2/EXPORT_IMAGE").write_text("IMG_SUFFIX=-lite\n")
        build = (
            'export ARCH=arm64\n. "$2"\nmkdir -p "$DEPLOY_DIR"\nls stage2 >"$DEPLOY_DIR/seen"\nenv | grep ^MESHGATE_ >>"$DEPLOY_DIR/seen"\n'
        )
        (self.upstream / "build.sh").write_text(
            f'#!/bin/bash -e\n{build}echo "$STAGE_LIST" >>"$DEPLOY_DIR/seen"\necho image >"$DEPLOY_DIR/a.img.xz"\n'
        )
        (self.upstream / "build.sh").chmod(0o755)
        self.git("init", "--quiet", "--initial-branch=arm64")
        self.git("add", "--all")
        self.git("commit", "--quiet", "--message=one", "--date=2026-06-16T12:00:00Z")
        self.commit = self.git("rev-parse", "HEAD").strip()
        self.tools = root / "tools"
        self.tools.mkdir()
        for name, words in {
            "id": "echo 0",
            "uname": '[ "$1" = -m ] && echo aarch64 || echo Linux',
            **dict.fromkeys(("ansible-playbook", "debootstrap", "quilt", "parted", "losetup", "mkfs.vfat", "unshare"), "true"),
        }.items():
            (self.tools / name).write_text(f"#!/bin/sh\n{words}\n")
            (self.tools / name).chmod(0o755)
        python = self.tree / ".venv/bin/python"
        python.parent.mkdir(parents=True)
        python.write_text("#!/bin/sh\n")
        python.chmod(0o755)
        (root / "keys").mkdir()
        (root / "keys/release.pub").write_text("")
        (root / "one.meshgate").write_text("")
        self.lock(self.commit)

    def git(self, *words: str) -> str:
        who = {"GIT_AUTHOR_NAME": "a", "GIT_AUTHOR_EMAIL": "a@a", "GIT_COMMITTER_NAME": "a", "GIT_COMMITTER_EMAIL": "a@a"}
        days = {"GIT_COMMITTER_DATE": "2026-06-16T12:00:00Z", "GIT_CONFIG_GLOBAL": "/dev/null"}
        done = subprocess.run(
            ["git", "-C", str(self.upstream), *words], capture_output=True, text=True, check=True, env={**os.environ, **who, **days}
        )
        return done.stdout

    def lock(self, commit: str, day: str = "2026-06-16") -> None:
        text = f"PI_GEN_REPOSITORY={self.upstream}\nPI_GEN_BRANCH=arm64\nPI_GEN_COMMIT={commit}\nPI_GEN_DATE={day}\n"
        (self.tree / "image/pi-gen/versions.lock").write_text(text)

    def build(self, *more: object) -> subprocess.CompletedProcess[str]:
        script = self.tree / "image/pi-gen/build.sh"
        return check(
            script, self.root / "one.meshgate", self.root / "keys", *more, PATH=f"{self.tools}:{os.environ['PATH']}", HOME=str(self.root)
        )

    @property
    def seen(self) -> str:
        path = self.tree / "build/pi-gen/deploy/seen"
        return path.read_text() if path.exists() else ""


@pytest.fixture
def sandbox(tmp_path: Path) -> Sandbox:
    return Sandbox(tmp_path)


def test_pi_gen_is_started_at_the_commit_of_the_lock_and_makes_one_image(sandbox: Sandbox) -> None:
    (sandbox.upstream / "later").write_text("")
    sandbox.git("add", "--all")
    sandbox.git("commit", "--quiet", "--message=two")
    done = sandbox.build()
    assert done.returncode == 0, done.stderr
    assert "SKIP_IMAGES" in sandbox.seen
    assert f"stage0 stage1 stage2 {sandbox.tree}/image/pi-gen/stage-meshgate" in sandbox.seen
    assert f"MESHGATE_BUNDLE={sandbox.root}/one.meshgate" in sandbox.seen
    work = sandbox.tree / "build/pi-gen"
    assert not (work / "pi-gen/later").exists()
    assert (work / "deploy/a.img.xz.sha256").read_text().endswith("a.img.xz\n")
    assert sandbox.build().returncode == 0  # once more, with what is there


def test_another_commit_than_that_of_the_lock_is_not_built(sandbox: Sandbox) -> None:
    for commit, day, said in (
        ("0" * 40, "2026-06-16", "has no commit|fetch|not our ref|bad object"),
        (sandbox.commit, "2026-06-17", "is not of 2026-06-17"),
        (sandbox.commit[:8], "2026-06-16", f"the commit is {sandbox.commit}"),
    ):
        sandbox.lock(commit, day)
        done = sandbox.build()
        assert done.returncode != 0
        assert re.search(said, done.stderr), done.stderr
        assert sandbox.seen == ""


@pytest.mark.parametrize("line", ["FIRST_USER_PASS=raspberry", "export FIRST_USER_PASS=x", "WPA_PASSWORD=x"])
def test_a_password_for_every_card_is_refused(sandbox: Sandbox, line: str) -> None:
    with (sandbox.tree / "image/pi-gen/config").open("a") as config:
        config.write(f"{line}\n")
    done = sandbox.build()
    assert (done.returncode, "every card would have the same" in done.stderr, sandbox.seen) == (1, True, "")


def test_what_is_missing_is_said_before_anything_is_fetched(sandbox: Sandbox) -> None:
    (sandbox.root / "keys/release.pub").unlink()
    assert "no release key" in sandbox.build().stderr
    (sandbox.root / "one.meshgate").unlink()
    assert "no bundle" in sandbox.build().stderr
    (sandbox.tools / "id").write_text("#!/bin/sh\necho 1000\n")
    assert "only root" in sandbox.build().stderr
    assert not (sandbox.tree / "build").exists()
