"""Who asks: members of the demonstration's project, of another that shares one of
them, or of projects made for one attack alone, which no earlier answer touches."""

import json
import os
import pathlib
import signal
import subprocess
import threading

from connect import Gated

REPOSITORY = pathlib.Path(__file__).resolve().parent.parent
TABLES = {"shared_care": ["patients", "events", "admissions", "social_care", "codes"]}
ROOMS = ["go", "run", "-tags", "duckdb_arrow", "./test/rooms"]


class House:
    """An installation that is served, acted on as the owner of its machine."""

    def __init__(self, ready, program, rooms=None):
        self.ready, self.program = ready, str(pathlib.Path(program).resolve())
        self.folder = pathlib.Path(ready.said["custodian"]).parent
        self.dataset = next(iter(ready.datasets)).partition("@")[0]
        self.maker, self.rooms, self.one_at_a_time = [str(pathlib.Path(rooms).resolve())] if rooms else ROOMS, None, threading.Lock()
        self.tokens = {}  # of each user and workspace

    def run(self, *words, token=None, check=True):
        environment = dict(os.environ, **({"GATEHOUSE_TOKEN": token} if token else {}))
        done = subprocess.run([self.program, *map(str, words)], env=environment, capture_output=True, text=True)
        if check and done.returncode:
            raise SystemExit(f"gatehouse {' '.join(map(str, words))}\n{done.stdout}{done.stderr}")
        return done.stdout + ("" if check else done.stderr)

    def token(self, user, workspace):
        if (user, workspace) not in self.tokens:  # of a project that an earlier run made
            self.tokens[user, workspace] = self.run("token", "issue", "--dir", self.folder, user, "--workspace", workspace).split()[-1]
        return self.tokens[user, workspace]

    def project(self, id, members, version=1, policy="sdap"):
        """A project of its own lead and these members, with a workspace of its name."""
        reply = self.ask_rooms(id=id, members=members, dataset=self.dataset, version=version, policy=policy, tables=TABLES[self.dataset])
        if "error" in reply and "already" not in reply["error"]:
            raise SystemExit(f"project {id}: {reply['error']}")
        self.tokens.update({(user, id): token for user, token in reply.get("tokens", {}).items()})

    def close(self, id):
        """Closes a project, and ends the engine that its workspace has."""
        self.ask_rooms(close=id)
        scratch = str(self.folder / "workspaces" / id / "scratch")
        for process in pathlib.Path("/proc").glob("[0-9]*"):
            try:
                words = (process / "cmdline").read_bytes().decode(errors="replace").split("\0")
                if words[0].endswith("gatehouse-engine") and scratch in words:
                    os.kill(int(process.name), signal.SIGKILL)
            except OSError:
                pass  # it has ended meanwhile

    def ask_rooms(self, **request):
        with self.one_at_a_time:
            if self.rooms is None:
                self.rooms = subprocess.Popen([*self.maker, "--dir", str(self.folder)], cwd=REPOSITORY, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
            self.rooms.stdin.write(json.dumps(request) + "\n")
            self.rooms.stdin.flush()
            line = self.rooms.stdout.readline()
            if not line:
                raise SystemExit("test/rooms ended")
            return json.loads(line)


class Actors:
    """Connections by who asks: "" (one member), researcher2 (another), and those
    of the project that shares researcher2: researcher2@second, outsider@second."""

    def __init__(self, ready, house, role="researcher", alone=""):
        self.ready, self.house, self.role, self.alone, self.made = ready, house, role, alone, {}
        self.projects = []

    def __call__(self, who):
        if who not in self.made:
            self.made[who] = Gated(self.ready, token=self.token(who or self.role))
        return self.made[who]

    def token(self, who):
        user, _, project = who.partition("@")
        if not self.alone and not project:
            return self.ready.tokens[user]
        # In projects made for one attack everybody is somebody new: whoever is
        # in two projects would bring along what the other has been told.
        user, id = (f"{self.alone}-{user}", f"{self.alone}{'-' + project if project else ''}") if self.alone else (user, project)
        if id not in self.projects:
            other = f"{self.alone}-" if self.alone else ""
            self.house.project(id, [f"{other}researcher2", f"{other}outsider"] if project else [f"{other}researcher", f"{other}researcher2"])
            self.projects.append(id)
        return self.house.token(user, id)

    def close(self):
        for connection in self.made.values():
            connection.close()
        if self.alone:
            for id in self.projects:
                self.house.close(id)
