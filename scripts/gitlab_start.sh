# Fetch ci-guard at a pinned commit and start it, with an environment that no variable of the pipeline chose.
#
# This text stands in the GitLab templates as the argument of `/bin/bash -p -c`; it holds no single quote, because one
# would end it there. $1 names the variable of the stronger token; the rest are the inputs, NAME=VALUE, and behind `--`
# what ci-guard is asked.
token_variable=$1
shift

# What pip, git and ci-guard may hear of the job. No CI_GUARD_… of a pipeline counts: the inputs are arguments.
for name in $(compgen -e); do
  case $name in
    CI_GUARD_ID_TOKEN) ;;
    CI_GUARD_*) export -n "$name" ;;
    CI | CI_* | GITLAB_* | HOME | LANG | LC_ALL | TERM | NO_COLOR) ;;
    PIP_* | XDG_CONFIG_* | NETRC | SSL_CERT_* | REQUESTS_CA_BUNDLE | CURL_CA_BUNDLE | *_PROXY | *_proxy) ;;
    *) export -n "$name" ;;
  esac
done
export PATH=/usr/local/bin:/usr/bin:/bin:/opt/homebrew/bin
if [[ -n $token_variable ]]; then
  export CI_GUARD_TOKEN="${!token_variable-}"
fi
while [[ $1 != -- ]]; do
  export "CI_GUARD_INPUT_${1?}"
  shift
done
shift
export CI_GUARD_AUDIT_KEY="${!CI_GUARD_INPUT_AUDIT_KEY_VARIABLE-}"
export CI_GUARD_AUDIT_TOKEN="${!CI_GUARD_INPUT_AUDIT_TOKEN_VARIABLE-}"

stop() {
  echo "ci-guard: $1" >&2
  exit 4
}

server=$CI_GUARD_INPUT_SERVER source=$CI_GUARD_INPUT_SOURCE commit=$CI_GUARD_INPUT_COMMIT
if [[ $source == /* ]]; then
  folder=$source
  [[ -f $folder/launch.sh && $folder/ != "$PWD"/* ]] || stop "$source holds no ci-guard, or lies in the checkout."
else
  type -P git >/dev/null || stop "there is no git in this image, and without it nothing can be fetched or judged."
  folder=$(mktemp -d /tmp/ci-guard.XXXXXX)
  export GIT_CONFIG_NOSYSTEM=1 GIT_CONFIG_GLOBAL=/dev/null GIT_TERMINAL_PROMPT=0
  trap "rm -rf -- \"\$folder\"" EXIT
  git init -q "$folder"
  if [[ $source == "$server"/* ]]; then
    # A mirror on this instance, which only the job token may open: no variable says by which way it travels.
    unset SSL_CERT_FILE SSL_CERT_DIR CURL_CA_BUNDLE
    say=(git -C "$folder" config --local)
    "${say[@]}" "credential.$server.helper" \
      "!answer() { echo username=gitlab-ci-token; echo \"password=\$CI_JOB_TOKEN\"; }; answer"
    "${say[@]}" http.proxy "$CI_GUARD_INPUT_PROXY"
    if [[ -n $CI_GUARD_INPUT_CA_BUNDLE ]]; then
      "${say[@]}" http.sslCAInfo "$CI_GUARD_INPUT_CA_BUNDLE"
    fi
  fi
  git -C "$folder" fetch -q --depth 1 --no-tags --no-recurse-submodules "$source" "$commit" ||
    stop "commit $commit could not be fetched from $source. Is it a commit there, and can this runner reach it?"
  # By the commit id, which every object hangs on: whoever answers for the server cannot answer with something else.
  git -C "$folder" checkout -q --detach "$commit"
fi

if [[ -n $CI_GUARD_INPUT_INDEX_URL ]]; then
  export PIP_INDEX_URL=$CI_GUARD_INPUT_INDEX_URL
fi
if [[ -n $CI_GUARD_INPUT_CACHE ]]; then
  set -- --home "$CI_GUARD_INPUT_CACHE" "$@"
fi
# The commit that is judged may hold a link of this name.
rm -rf -- .ci-guard-reports
mkdir .ci-guard-reports
/bin/bash -p "$folder/launch.sh" "$@"
