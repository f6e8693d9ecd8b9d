# Start ci-guard for an action or a GitLab template, with a Python and an environment that no earlier step of the job chose.
#
# They run this as `/bin/bash -p`, which takes no function, option or start-up file from the environment, and
# blank the variables by which the loader would bring code into bash itself. All other programs start from here.
set -euo pipefail

# What they may hear of the job. For pip's settings see bootstrap.py: they can make it fail, they cannot make it wrong.
for name in $(compgen -e); do
  case $name in
    CI | CI_* | GITHUB_* | GITLAB_* | RUNNER_* | ACTIONS_ID_TOKEN_REQUEST_*) ;;
    PATH | HOME | LANG | LC_ALL | TERM | NO_COLOR) ;;
    PIP_* | XDG_CONFIG_* | NETRC | SSL_CERT_* | REQUESTS_CA_BUNDLE | CURL_CA_BUNDLE | *_PROXY | *_proxy) ;;
    *) export -n "$name" ;;
  esac
done
export -n CI_GUARD_LIBRARY_PATH
export TMPDIR=${RUNNER_TEMP:-/tmp}

# The Python of the machine's or image's own, if the lock is made for it and it has pip. Where there is none, the first
# on PATH, such as actions/setup-python's: that one an earlier step can replace.
fits='
import os, site, sys
pip = any(os.path.isfile(folder + "/pip/__main__.py") for folder in site.getsitepackages())
sys.exit(not (pip and (3, 10) <= sys.version_info < (3, 14)))'
python=
for candidate in /usr/local/bin/python3 /usr/bin/python3 /opt/homebrew/bin/python3; do
  if [[ -x $candidate ]] && "$candidate" -I -S -B -c "$fits" 2>/dev/null; then
    python=$candidate
    break
  fi
done
if [[ -z $python ]]; then
  IFS=$'\n'
  for candidate in $(type -aP python3 || :); do
    if [[ $candidate == /* && $candidate != "${GITHUB_WORKSPACE:-/}"/* ]]; then
      python=$candidate
      break
    fi
  done
  # A Python that is a shared library, such as setup-python's, may not start without it.
  if [[ -n ${CI_GUARD_LIBRARY_PATH:-} ]]; then
    export LD_LIBRARY_PATH=$CI_GUARD_LIBRARY_PATH
  fi
fi
if [[ -z $python ]]; then
  echo 'ci-guard: there is no python3 here. Install Python 3.10 to 3.13, for example with actions/setup-python, or take an image that has it.' >&2
  exit 4
fi

# For git, which is looked for in this order.
export PATH=/usr/local/bin:/usr/bin:/bin:/opt/homebrew/bin:$PATH

if [[ -n ${CI_GUARD_INPUT_WHEELS:-} ]]; then
  set -- --wheels "$CI_GUARD_INPUT_WHEELS" "$@"
fi
# Beside the action's own files, the default, an environment ends with the job: the runner fetches them anew each time.
if [[ -n ${RUNNER_TOOL_CACHE:-} && -d $RUNNER_TOOL_CACHE && -w $RUNNER_TOOL_CACHE ]]; then
  set -- --home "$RUNNER_TOOL_CACHE/ci-guard" "$@"
fi
exec "$python" -I -S "${BASH_SOURCE[0]%/*}/bootstrap.py" "$@"
