import { describeEachEngine } from "@rdl/test-kit/Engines"
import { describe } from "vitest"
import type { FlavourName } from "@rdl/sample-engine/Flavour"
import { engineContract } from "./engineContract.ts"
import { realPlay } from "./RealPlay.ts"
import { samplePlay } from "./SamplePlay.ts"
import type { Truth } from "./Truth.ts"

/** Holds the sample engine and the real one that it plays to one contract. */
export const playedEngine = async (name: FlavourName, truth: Truth): Promise<void> => {
  describe(`the sample engine as ${name}`, () => {
    engineContract(truth, () => samplePlay(name))
  })
  await describeEachEngine(
    "a real engine",
    ({ socket }) => engineContract(truth, () => Promise.resolve(realPlay(socket))),
    (engine) => engine.name === name,
  )
}
