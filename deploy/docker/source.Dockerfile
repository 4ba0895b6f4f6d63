# An rdl source: Node, the libraries it is linked with, one file of JavaScript. No shell, no package manager.
#   npm run build && docker build -f deploy/docker/source.Dockerfile -t rdl-source .
# BASE may be any image with Node 20.19 or newer, of glibc or musl; only its Node is taken.
ARG BASE=node:22-bookworm-slim
FROM ${BASE} AS collect
COPY deploy/docker/collect.mjs packages/cli/dist/rdl-source.js /build/
RUN ["node", "/build/collect.mjs", "/build/rdl-source.js", "/image"]

FROM scratch
COPY --from=collect /image /
# Nothing of a source listens: it is well if it keeps this file, on a tmpfs where the root is read-only.
ENV NODE_ENV=production RDL_HEALTH_FILE=/run/rdl/health
USER 65532:65532
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=15s --timeout=6s --start-period=15s \
  CMD ["/usr/local/bin/node", "/usr/local/lib/rdl/rdl-source.js", "health"]
ENTRYPOINT ["/usr/local/bin/node", "/usr/local/lib/rdl/rdl-source.js"]
