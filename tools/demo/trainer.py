"""One trainer process and what it reports."""

import json
import pathlib
import signal
import subprocess


class Trainer:
    """A char_lm process. Its rows are the rounds it committed, from its status file."""

    def __init__(self, program, folder, name, coordinator, share, shares):
        folder = pathlib.Path(folder)
        self.name = name
        self.share = share
        self.killed = False
        self.rows = []
        self.log_path = folder / f"{name}.log"
        self._status_path = folder / f"{name}.status"
        self._output_path = folder / f"{name}.json"
        self._position = 0
        # A session of its own: Ctrl-C is for the demo, which then ends its processes.
        with open(self.log_path, "wb") as log, open(self._output_path, "wb") as output:
            self.process = subprocess.Popen(
                [program, "--coordinator", coordinator, "--name", name, "--bind", "127.0.0.1",
                 "--share", f"{share}/{shares}", "--status-file", self._status_path],
                stdin=subprocess.DEVNULL, stdout=output, stderr=log, start_new_session=True)

    def poll(self):
        """Reads the rows that are new; a line that is not whole yet stays for the next time."""
        if not self._status_path.exists():
            return
        with open(self._status_path, "rb") as status:
            status.seek(self._position)
            text = status.read()
        whole = text[:text.rfind(b"\n") + 1]
        self._position += len(whole)
        self.rows += [json.loads(line) for line in whole.splitlines()]

    @property
    def running(self):
        return self.process.poll() is None

    @property
    def round(self):
        return self.rows[-1]["round"] if self.rows else 0

    def kill(self):
        self.killed = True
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()

    def end_run(self):
        """Asks for the end of the run, which all trainers then agree on."""
        self.process.send_signal(signal.SIGUSR1)

    def summary(self):
        """Its last words, or None when it ended without them."""
        lines = self._output_path.read_text().splitlines()
        return json.loads(lines[-1]) if lines else None

    def log_tail(self, lines=5):
        return self.log_path.read_text(errors="replace").splitlines()[-lines:]
