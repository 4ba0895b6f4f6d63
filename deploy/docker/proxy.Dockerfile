# The rdl proxy: Node, the libraries it is linked with, one file of JavaScript. No shell, no package manager.
#   npm run build && docker build -f deploy/docker/proxy.Dockerfile -t rdl-proxy .
# BASE may be any image with Node 20.19 or newer, of glibc or musl; only its Node is taken.
ARG BASE=node:22-bookworm-slim
FROM ${BASE} AS collect
COPY deploy/docker/collect.mjs packages/cli/dist/rdl-proxy.js /build/
RUN ["node", "/build/collect.mjs", "/build/rdl-proxy.js", "/image"]

FROM scratch
COPY --from=collect /image /
ENV NODE_ENV=production
EXPOSE 7070
USER 65532:65532
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=15s --timeout=6s --start-period=15s \
  CMD ["/usr/local/bin/node", "/usr/local/lib/rdl/rdl-proxy.js", "health"]
ENTRYPOINT ["/usr/local/bin/node", "/usr/local/lib/rdl/rdl-proxy.js"]
