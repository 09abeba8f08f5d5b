# Image with passrole-checks only: no compiler, no pip, no shell script, an unprivileged user.
#
#   docker build --tag passrole-checks .                        scans
#   docker build --target with-git --tag passrole-checks .      also compares commits (diff, review)
#   docker run --rm --user "$(id -u):$(id -g)" --volume "$PWD:/work" passrole-checks scan .
#
# Installs the files whose hashes are in .ci/requirements-bot.txt. To pin the base image as well, name it by digest:
# --build-context python:3.13-slim-bookworm=docker-image://python@sha256:...
FROM python:3.13-slim-bookworm AS base

FROM base AS build
COPY .ci/requirements-bot.txt /build/requirements.txt
RUN python -I -m venv --without-pip /opt/passrole && \
    python -I -m pip --python /opt/passrole/bin/python install --quiet --no-cache-dir --disable-pip-version-check \
      --no-compile --require-hashes --only-binary :all: --requirement /build/requirements.txt
COPY passrole_checks /build/passrole_checks
# Copied, not built: building a wheel needs tools without known hashes.
RUN packages="$(/opt/passrole/bin/python -I -c 'import site; print(site.getsitepackages()[0])')" && \
    cp -R /build/passrole_checks "$packages/" && \
    printf '%s\n' '#!/opt/passrole/bin/python -I' 'from passrole_checks.cli import run' 'run()' \
      > /opt/passrole/bin/passrole-checks && \
    chmod 0755 /opt/passrole/bin/passrole-checks && \
    /opt/passrole/bin/python -I -m compileall -q "$packages" && \
    /opt/passrole/bin/passrole-checks --version

FROM base AS program
COPY --from=build /opt/passrole /opt/passrole
ENV PATH=/opt/passrole/bin:$PATH
WORKDIR /work
# A user without name, home or password; run with `--user` to read and write as the caller.
USER 10001:10001
ENTRYPOINT ["passrole-checks"]
CMD ["--help"]

FROM program AS with-git
USER 0:0
# A pinned version disappears from Debian's archive with the next security update.
# hadolint ignore=DL3008
RUN apt-get update && \
    apt-get install --yes --no-install-recommends git && \
    rm -rf /var/lib/apt/lists/*
USER 10001:10001

FROM program
