# Written from [[ table ]] by `envdoctor docker`: edit that, not this.
#
# [[ name ]] from a bundle for the base's Python and glibc, on a machine without a network, which has the base already.
#
#     envdoctor bundle create . --python [[ python ]] --platform manylinux_2_36_x86_64 -o docker/offline/bundle
#     docker build --network none -t [[ name ]]:offline docker/offline
#
# Nothing here needs BuildKit: such machines have old builders, too.
ARG BASE=[[ docker.offline_base ]]

# hadolint ignore=DL3006
FROM ${BASE} AS install
COPY bundle /bundle
RUN /bundle/install.sh /opt/environment

# hadolint ignore=DL3006
FROM ${BASE}
RUN useradd --uid [[ user_id ]] --user-group --create-home user
COPY --from=install /opt/environment /opt/environment

ENV PATH=/opt/environment/bin:${PATH} \
    NVIDIA_VISIBLE_DEVICES=all \
    NVIDIA_DRIVER_CAPABILITIES=compute,utility

ARG VERSION=""
ARG REVISION=""
ARG BASE
LABEL [% for key, text in labels %]org.opencontainers.image.[[ key ]]=[[ text ]] \
      [% endfor %]org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}" \
      org.opencontainers.image.base.name="${BASE}"

USER [[ user_id ]]:[[ user_id ]]
WORKDIR /project
ENTRYPOINT [[ entrypoint ]]
