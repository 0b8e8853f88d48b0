"""Search of hyper-parameters on development: a study of trials that several processes and machines may share."""

from emotf.search.reporting import report
from emotf.search.space import parse
from emotf.search.study import PRUNERS, Search
from emotf.search.trials import run_trials

__all__ = ["PRUNERS", "Search", "parse", "report", "run_trials"]
