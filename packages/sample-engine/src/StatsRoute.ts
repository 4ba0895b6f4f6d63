/** `/containers/{ref}/stats`: what a container uses, once or once a second, in figures that are made up and only ever grow. */
import { type Answer, jsonAnswer } from "./Answer.ts"
import { ApiError } from "./ApiError.ts"
import type { Container } from "./Container.ts"
import type { EngineState } from "./EngineState.ts"
import { engineHeaders, type Flavour } from "./Flavour.ts"
import { chunk } from "./LogEncoding.ts"
import { dockerBoolean } from "./LogQuery.ts"
import type { Outlet } from "./Outlet.ts"
import type { EngineRequest } from "./RequestLog.ts"
import { inspectTime } from "./Timestamp.ts"

/** How often figures are taken. */
const EVERY_MS = 1_000

export const statsAnswer = (state: EngineState, { params }: EngineRequest, reference: string): Answer => {
  const streams = !params.has("stream") || dockerBoolean(params, "stream")
  const oneShot = dockerBoolean(params, "one-shot")
  if (streams && oneShot) throw new ApiError(400, "cannot have stream=true and one-shot=true")
  const container = state.containers.resolve(reference)
  if (!streams && (oneShot || !container.running))
    return jsonAnswer(
      state.flavour,
      figures(container, take(state, container), NOTHING, isNamed(state.flavour, container)),
    )
  return {
    status: 200,
    headers: { ...engineHeaders(state.flavour), "Content-Type": "application/json" },
    stream: streams,
    body: (outlet) => write(state, container, streams ? Infinity : 1, outlet),
  }
}

/** Newer engines leave the name and the id out where they did not wait for a second look. */
const isNamed = ({ modernErrors }: Flavour, { running }: Container): boolean => !modernErrors || !running

/** A look at a container. */
interface Look {
  readonly at: bigint | undefined
  readonly cpu: Readonly<Record<string, unknown>>
}

const THROTTLING = { periods: 0, throttled_periods: 0, throttled_time: 0 }
const CORES = 4
const NOTHING: Look = {
  at: undefined,
  cpu: {
    cpu_usage: { total_usage: 0, usage_in_kernelmode: 0, usage_in_usermode: 0 },
    throttling_data: THROTTLING,
  },
}

/** A hundredth of one core since the container was created; nothing of one that does not run. */
const take = ({ clock }: EngineState, container: Container): Look => {
  if (!container.running) return NOTHING
  const at = clock.now()
  const used = Number((at - container.created) / 100n)
  const each = Math.floor(used / CORES)
  return {
    at,
    cpu: {
      cpu_usage: {
        total_usage: used,
        percpu_usage: Array.from({ length: CORES }, () => each),
        usage_in_kernelmode: each,
        usage_in_usermode: used - each,
      },
      system_cpu_usage: Number(at - container.created) * CORES,
      online_cpus: CORES,
      throttling_data: THROTTLING,
    },
  }
}

const NO_TIME = "0001-01-01T00:00:00Z"
const BLOCKS = "io_service_bytes io_serviced io_queue io_service_time io_wait_time io_merged io_time sectors".split(" ")
const MEMORY = { usage: 667_648, max_usage: 4_329_472, stats: { cache: 0, rss: 49_152 }, limit: 8_589_934_592 }

const figures = ({ id, name }: Container, now: Look, before: Look, named = true): Record<string, unknown> => {
  const runs = now.at !== undefined
  const block = runs ? [] : null
  return {
    read: now.at === undefined ? NO_TIME : inspectTime(now.at),
    preread: before.at === undefined ? NO_TIME : inspectTime(before.at),
    pids_stats: runs ? { current: 1 } : {},
    blkio_stats: Object.fromEntries(BLOCKS.map((kind) => [`${kind}_recursive`, block])),
    num_procs: 0,
    storage_stats: {},
    cpu_stats: now.cpu,
    precpu_stats: before.cpu,
    memory_stats: runs ? MEMORY : {},
    ...(named ? { name: `/${name}`, id } : {}),
  }
}

/** As many as are wanted, until the container is gone; only one is given with the look before it. */
const write = async (state: EngineState, container: Container, count: number, outlet: Outlet): Promise<void> => {
  let before = NOTHING
  const first = count === 1 ? 2 : 1
  for (let turn = 1; turn < count + first && !outlet.closed; turn++) {
    if (!state.containers.all.includes(container)) break
    const now = take(state, container)
    if (turn >= first) await outlet.write(chunk(Buffer.from(`${JSON.stringify(figures(container, now, before))}\n`)))
    before = now
    if (turn < count + first - 1) await outlet.pause(EVERY_MS)
  }
  outlet.end()
}
