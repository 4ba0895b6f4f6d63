/** `/containers/{ref}/logs`: checks in the engine's order, then the log as a stream of chunks. */
import type { Answer } from "./Answer.ts"
import { ApiError } from "./ApiError.ts"
import type { Container } from "./Container.ts"
import { detailsText } from "./ContainerJson.ts"
import type { EngineState } from "./EngineState.ts"
import type { Fault } from "./Fault.ts"
import { compareVersions, engineHeaders } from "./Flavour.ts"
import { dockerLogQuery, type LogQuery, podmanLogQuery, requireDockerStream, requirePodmanStream } from "./LogQuery.ts"
import { LogReading } from "./LogReading.ts"
import type { Outlet } from "./Outlet.ts"
import type { EngineRequest } from "./RequestLog.ts"

/** Podman asks a container's state so often before it ends a follow. */
const PODMAN_POLL_MILLIS = 250

export const logsAnswer = (
  state: EngineState,
  request: EngineRequest,
  reference: string,
  fault: Fault | undefined,
): Answer => {
  const podman = state.flavour.kind === "podman"
  if (podman) requirePodmanStream(request.params)
  else requireDockerStream(request.params)
  const container = state.containers.resolve(reference)
  if (!podman) requireReadable(container)
  const query = podman ? podmanLogQuery(request.params, state.clock.now()) : dockerLogQuery(request.params)
  if (podman) requirePodmanReadable(container)
  const lateEnd = podman && query.follow && !container.running
  return {
    status: 200,
    headers: { ...engineHeaders(state.flavour), ...contentType(state, request, container) },
    stream: true,
    body: (outlet) => streamLog(openLog(state, container, query, fault), outlet, lateEnd ? PODMAN_POLL_MILLIS : 0),
  }
}

const requireReadable = (container: Container): void => {
  if (container.status === "removing" || container.status === "dead")
    throw new ApiError(409, "can not get logs from container which is dead or marked for removal")
  if (container.logDriver === "none") throw new ApiError(501, "configured logging driver does not support reading")
}

const requirePodmanReadable = (container: Container): void => {
  if (container.logDriver === "none")
    throw new ApiError(
      500,
      `failed to obtain logs for Container '${container.name}': this container is using the 'none' log driver, cannot read logs`,
    )
}

const contentType = (
  { flavour }: EngineState,
  request: EngineRequest,
  container: Container,
): Readonly<Record<string, string>> => {
  if (flavour.logsContentTypeFrom === undefined) return {}
  const named = compareVersions(request.version ?? flavour.apiVersion, flavour.logsContentTypeFrom) >= 0
  const framing = named && !container.tty ? "multiplexed" : "raw"
  return { "Content-Type": `application/vnd.docker.${framing}-stream` }
}

const openLog = (state: EngineState, container: Container, query: LogQuery, fault: Fault | undefined): LogReading =>
  new LogReading(container.store, {
    query,
    since: state.flavour.since,
    running: container.running,
    tailCountsLines: state.flavour.kind === "podman",
    encoding: {
      tty: container.tty,
      timestamps: query.timestamps,
      details: query.details ? detailsText(container) : undefined,
      zoneMinutes: state.flavour.kind === "podman" ? state.zoneMinutes : 0,
    },
    garbage: fault?.garbage,
    error: fault?.error,
  })

/** Sends what there is, then waits for more; holds no more than one batch for a slow reader. */
const streamLog = async (reading: LogReading, outlet: Outlet, endDelay: number): Promise<void> => {
  outlet.onClose(() => reading.close())
  while (!outlet.closed) {
    const batch = reading.next()
    if (batch.length > 0) await outlet.write(batch)
    else if (reading.ended) break
    else await reading.wait()
  }
  if (endDelay > 0) await outlet.pause(endDelay)
  reading.close()
  outlet.end()
}
