"""Who asks: members of the demonstration's project, of another that shares one of
them, or of projects made for one attack alone, which no earlier answer touches."""

import os
import pathlib
import subprocess

from connect import Gated

PROJECT = """id: {id}
title: Questions for the gate
purpose: To see what the gate lets out.
policy: {policy}
opt_out_basis: applies
expires: 2999-12-31
members:
  - {{user: {lead}, role: lead, training_until: 2999-12-31}}
{members}
datasets:
  - dataset: {dataset}
    version: {version}
    tables: [{tables}]
"""
TABLES = {"shared_care": ["patients", "events", "admissions", "social_care", "codes"]}


class House:
    """An installation that is served, acted on as the owner of its machine."""

    def __init__(self, ready, program):
        self.ready, self.program = ready, str(pathlib.Path(program).resolve())
        self.folder = pathlib.Path(ready.said["custodian"]).parent
        self.dataset = next(iter(ready.datasets)).partition("@")[0]

    def run(self, *words, token=None, check=True):
        environment = dict(os.environ, **({"GATEHOUSE_TOKEN": token} if token else {}))
        done = subprocess.run([self.program, *map(str, words)], env=environment, capture_output=True, text=True)
        if check and done.returncode:
            raise SystemExit(f"gatehouse {' '.join(map(str, words))}\n{done.stdout}{done.stderr}")
        return done.stdout + ("" if check else done.stderr)

    def user(self, name):
        self.run("user", "add", "--dir", self.folder, name, check=False)  # may be there from an earlier run

    def token(self, user, workspace=None):
        return self.run("token", "issue", "--dir", self.folder, user, *(["--workspace", workspace] if workspace else [])).split()[-1]

    def project(self, id, members, version=1, policy="sdap"):
        """A project of its own lead and these members, with a workspace of its name."""
        lead = f"{id}-lead"
        for user in (lead, *members):
            self.user(user)
        file = self.folder / f"{id}.yaml"
        file.write_text(PROJECT.format(id=id, lead=lead, dataset=self.dataset, version=version, policy=policy,
                                       members="\n".join(f"  - {{user: {user}, role: researcher, training_until: 2999-12-31}}" for user in members),
                                       tables=", ".join(f"{{table: {table}}}" for table in TABLES[self.dataset])))
        author, custodian = self.token(lead), self.token("custodian")
        if "already" not in self.run("project", "create", "--dir", self.folder, file, token=author, check=False):
            self.run("project", "submit", "--dir", self.folder, id, token=author)
            self.run("project", "approve", "--dir", self.folder, id, token=custodian)
            self.run("workspace", "open", "--dir", self.folder, id, id, token=custodian)

    def close(self, id):
        self.run("project", "close", "--dir", self.folder, id, token=self.token("custodian"), check=False)


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
