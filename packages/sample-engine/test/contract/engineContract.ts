/** What a Docker engine of some version does, as far as readers of logs rely on it: the same assertions for a real one and the sample engine. */
import { afterAll, beforeAll } from "vitest"
import { eventsContract } from "./events.ts"
import { followContract } from "./follow.ts"
import { listContract } from "./list.ts"
import { logsContract } from "./logs.ts"
import { parametersContract } from "./parameters.ts"
import type { Play } from "./Play.ts"
import { protocolContract } from "./protocol.ts"
import type { Truth } from "./Truth.ts"
import { usageContract } from "./usage.ts"

/** What the parts of the contract share: the engine, once it is up. */
export interface Subject {
  readonly truth: Truth
  readonly play: () => Play
}

/** To be called inside a `describe`. */
export const engineContract = (truth: Truth, open: () => Promise<Play>): void => {
  let play: Play | undefined
  beforeAll(async () => {
    play = await open()
  })
  afterAll(() => play?.close())
  const subject: Subject = {
    truth,
    play: () => {
      if (play === undefined) throw new Error("the engine is not open yet")
      return play
    },
  }
  protocolContract(subject)
  listContract(subject)
  logsContract(subject)
  parametersContract(subject)
  followContract(subject)
  eventsContract(subject)
  usageContract(subject)
}
