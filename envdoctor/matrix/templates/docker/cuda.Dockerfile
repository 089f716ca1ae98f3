# Written from [[ table ]] by `envdoctor docker`: edit that, not this.
#
# [[ name ]], its wheel built by CUDA [[ line.version ]]; the image that runs it has no compiler and no toolkit.
#
#     docker build -f docker/cuda-[[ line.version ]]/Dockerfile -t [[ name ]]:cuda-[[ line.version ]] .
#     docker run --rm --gpus all -v "$PWD:/project:ro" [[ name ]]:cuda-[[ line.version ]]
#
# Always the same base: --build-arg BASE=NAME@sha256:DIGEST --build-arg RUNTIME=NAME@sha256:DIGEST, or so in the table.
# An index with a password: --secret id=pip,src=$HOME/.config/pip/pip.conf; no layer has it.
ARG BASE=[[ base ]]
ARG RUNTIME=[[ runtime ]]

# hadolint ignore=DL3006
FROM ${BASE} AS build

RUN apt-get update \
    && DEBIAN_FRONTEND=noninteractive apt-get install --yes --no-install-recommends [[ packages ]] \
    && rm -rf /var/lib/apt/lists/*

ARG PIP=[[ docker.pip ]]
RUN --mount=type=cache,target=/root/.cache/pip --mount=type=secret,id=pip,target=/etc/pip.conf \
    python3 -m venv /opt/build && /opt/build/bin/python -m pip install "pip==${PIP}"
ENV PATH=/opt/build/bin:${PATH}

WORKDIR /source
COPY . .
[% if made %]
# No image has this line: its toolkit is made of NVIDIA's wheels.
ARG CUDA=[[ line.version ]]
# hadolint ignore=DL3013
RUN --mount=type=cache,target=/root/.cache --mount=type=secret,id=pip,target=/etc/pip.conf \
[%- for command in docker.setup %]
    [[ command ]] && \
[%- endfor %]
    [[ envdoctor ]] toolkit create "${CUDA}"[% if line.components %] --with [[ line.components|join(",") ]][% endif %] --prefix /usr/local/cuda --cache /root/.cache/toolkit
ENV CUDA_HOME=/usr/local/cuda \
    CUDACXX=/usr/local/cuda/bin/nvcc \
    PATH=/usr/local/cuda/bin:${PATH}
[% endif %]
# With fewer architectures it is built sooner: --build-arg ARCHS=8.0
ARG ARCHS=[[ archs ]]
# The same sources give the same wheel.
ARG SOURCE_DATE_EPOCH=[[ long_ago ]]
RUN --mount=type=cache,target=/root/.cache/pip --mount=type=secret,id=pip,target=/etc/pip.conf \
    TORCH_CUDA_ARCH_LIST="$(echo "${ARCHS}" | tr , ';')" \
    python -m pip wheel --no-deps --wheel-dir /wheels[% for each in settings %] [[ each ]][% endfor %] .

# What else is wanted in the image: --build-arg REQUIRES=torch==2.13.0
ARG REQUIRES=""
# hadolint ignore=SC2086
RUN --mount=type=cache,target=/root/.cache/pip --mount=type=secret,id=pip,target=/etc/pip.conf \
    python3 -m venv --without-pip /opt/environment \
    && python -m pip --python /opt/environment/bin/python install /wheels/*.whl ${REQUIRES}

# hadolint ignore=DL3006
FROM ${RUNTIME} AS runtime

RUN apt-get update \
    && DEBIAN_FRONTEND=noninteractive apt-get install --yes --no-install-recommends python3 \
    && rm -rf /var/lib/apt/lists/* \
    && useradd --uid [[ user_id ]] --user-group --create-home user
COPY --from=build /opt/environment /opt/environment

# NVIDIA's container toolkit reads the last two: libcuda comes from the host.
ENV PATH=/opt/environment/bin:${PATH} \
    NVIDIA_VISIBLE_DEVICES=all \
    NVIDIA_DRIVER_CAPABILITIES=compute,utility

ARG VERSION=""
ARG REVISION=""
ARG RUNTIME
LABEL [% for key, text in labels %]org.opencontainers.image.[[ key ]]=[[ text ]] \
      [% endfor %]org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}" \
      org.opencontainers.image.base.name="${RUNTIME}"

USER [[ user_id ]]:[[ user_id ]]
WORKDIR /project
ENTRYPOINT [[ entrypoint ]]
