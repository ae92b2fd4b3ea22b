"""A Slurm of one machine on loopback, without systemd: started for the tests, ended by its own pids."""

import getpass
import os
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

SYSTEM = Path("/etc/slurm")
"""Where Slurm's own programs look for a configuration inside jobs, whatever the environment says."""

DAEMONS = ("munged", "slurmctld", "slurmd")
CLIENTS = ("sbatch", "squeue", "scancel", "sinfo", "scontrol")

CONFIGURATION = """
ClusterName=cinecohort
SlurmctldHost={host}(127.0.0.1)
SlurmctldPort={port}
SlurmdPort={node_port}
CommunicationParameters=NoCtldInAddrAny,NoInAddrAny
SlurmUser={user}
SlurmdUser={user}
AuthType=auth/munge
AuthInfo=socket={home}/munge/socket
CredType=cred/munge
StateSaveLocation={home}/state
SlurmdSpoolDir={home}/spool
SlurmctldPidFile={home}/slurmctld.pid
SlurmdPidFile={home}/slurmd.pid
SlurmctldLogFile={home}/slurmctld.log
SlurmdLogFile={home}/slurmd.log
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
SwitchType=switch/none
MpiDefault=none
JobAcctGatherType=jobacct_gather/none
AccountingStorageType=accounting_storage/none
JobCompType=jobcomp/filetxt
JobCompLoc={home}/jobs.log
SchedulerParameters=batch_sched_delay=0,sched_interval=2,bf_interval=2
SelectType=select/cons_tres
SelectTypeParameters=CR_Core_Memory
# What can never fit is refused at once, not left pending for ever.
EnforcePartLimits=ALL
# The plugin trusts squeue only while finished jobs stay visible.
MinJobAge=600
KillWait=2
ReturnToService=2
SlurmdParameters=config_overrides
GresTypes=gpu
NodeName={host} NodeAddr=127.0.0.1 CPUs={cpus} RealMemory=24000 Gres=gpu:1 State=UNKNOWN
PartitionName=cpu Nodes={host} Default=YES MaxTime=UNLIMITED State=UP
PartitionName=gpu Nodes={host} MaxTime=UNLIMITED State=UP
"""


def unavailable() -> str:
    """Why no Slurm can be started here; empty if one can."""
    missing = [name for name in (*DAEMONS, *CLIENTS) if shutil.which(name) is None]
    if missing:
        return f"not installed: {', '.join(missing)} (Debian: slurmctld slurmd slurm-client munge)"
    if getpass.getuser() != "root":
        return "starting Slurm's daemons needs root"
    if (SYSTEM / "slurm.conf").exists():
        return f"this machine has a Slurm of its own ({SYSTEM}/slurm.conf)"
    try:
        if not socket.gethostbyname(socket.gethostname()).startswith("127."):
            return "this machine's name does not mean loopback (see /etc/hosts)"
    except OSError:
        return "this machine's name cannot be resolved"
    return ""


def free_port() -> int:
    """A port of loopback that nobody listens on."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


def wait_for(what: str, ready: Callable[[], bool], seconds: float = 120.0) -> None:
    """Wait until `ready` says so."""
    end = time.monotonic() + seconds
    while not ready():
        if time.monotonic() > end:
            raise TimeoutError(f"waited {seconds:.0f} s for {what}")
        time.sleep(0.1)


@contextmanager
def slurm_cluster(home: Path, cpus: int = 32) -> Iterator[dict[str, str]]:
    """Run a Slurm with a CPU and a GPU partition; yields the environment for its clients.

    The configuration lies in /etc/slurm while it runs; `home` keeps ``jobs.log``, one line per finished job.

    Slurm 22.05 counts a GPU only where a device file is named, so the fake one is a twin of /dev/null.
    """
    for folder in ("munge", "state", "spool"):
        (home / folder).mkdir(parents=True, mode=0o755)
    host = socket.gethostname().split(".")[0]
    values = {"host": host, "home": home, "user": getpass.getuser(), "cpus": cpus}
    configuration = CONFIGURATION.format(**values, port=free_port(), node_port=free_port())
    (home / "slurm.conf").write_text(configuration)
    os.mknod(home / "gpu0", 0o666 | 0o020000, os.makedev(1, 3))
    (home / "gres.conf").write_text(f"AutoDetect=off\nNodeName={host} Name=gpu File={home}/gpu0\n")
    SYSTEM.mkdir(exist_ok=True)
    for name in ("slurm.conf", "gres.conf"):
        shutil.copy(home / name, SYSTEM / name)
    environment = dict(os.environ)
    started: list[int] = []
    try:
        started.append(_start_munge(home))
        started.append(_start("slurmctld", home, environment))
        wait_for("slurmctld", lambda: _prints(["scontrol", "ping"], "UP", environment))
        started.append(_start("slurmd", home, environment))
        wait_for("the node", lambda: _prints(["sinfo", "-h", "-N", "-o", "%T"], "idle", environment))
        yield environment
    finally:
        if len(started) == len(DAEMONS):
            subprocess.run(["scancel", "--user", getpass.getuser()], env=environment, timeout=60, check=False)
            wait_for("jobs to end", lambda: not _output(["squeue", "-h"], environment).strip())
        for pid in reversed(started):
            _end(pid)
        for name in ("slurm.conf", "gres.conf"):
            (SYSTEM / name).unlink(missing_ok=True)


def written(path: Path) -> bool:
    """Whether a file is there and no longer empty."""
    return path.is_file() and path.stat().st_size > 0


def _start_munge(home: Path) -> int:
    folder = home / "munge"
    key = folder / "key"
    key.write_bytes(os.urandom(1024))
    key.chmod(0o600)
    command = ["munged", "--force", f"--key-file={key}", f"--socket={folder}/socket"]
    command += [f"--pid-file={folder}/pid", f"--log-file={folder}/log", f"--seed-file={folder}/seed"]
    subprocess.run(command, check=True, timeout=60)
    wait_for("munged", lambda: (folder / "socket").exists() and written(folder / "pid"))
    return int((folder / "pid").read_text())


def _start(daemon: str, home: Path, environment: dict[str, str]) -> int:
    subprocess.run([daemon, "-f", str(home / "slurm.conf")], env=environment, check=True, timeout=60)
    pid_file = home / f"{daemon}.pid"
    wait_for(daemon, lambda: written(pid_file))
    return int(pid_file.read_text())


def _output(command: list[str], environment: dict[str, str]) -> str:
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=60, check=False)
    return done.stdout


def _prints(command: list[str], text: str, environment: dict[str, str]) -> bool:
    return text in _output(command, environment)


def _end(pid: int) -> None:
    """End a daemon that was started here, and wait until it is gone."""
    for number in (signal.SIGTERM, signal.SIGKILL):
        try:
            os.kill(pid, number)
            wait_for(f"pid {pid} to end", lambda: not _alive(pid), 10.0)
            return
        except ProcessLookupError:
            return
        except TimeoutError:
            continue


def _alive(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0]
    except OSError:
        return False
    return state != "Z"
