"""The converter, slowed down so that a test can end it in the midst of its work."""

import sys
import time

from got.got_models.convert.release import main
from got.got_models.convert.writer import Progress


class SlowProgress(Progress):
    def advance(self, count: int) -> None:
        super().advance(count)
        time.sleep(0.1)


if __name__ == "__main__":
    sys.modules["got.got_models.convert.release"].Progress = SlowProgress
    sys.exit(main())
