"""The converter, slowed down so that a test can end it while it writes."""

import sys
import time

from got.got_models.convert import writer
from got.got_models.convert.release import main
from tqdm import tqdm


class SlowProgress(tqdm):
    def update(self, count: int = 1) -> None:
        super().update(count)
        time.sleep(0.1)


if __name__ == "__main__":
    writer.tqdm = SlowProgress
    sys.exit(main())
