/** The sample engine stands in for a real one: both keep the same contract. */
import { engineSockets } from "@rdl/test-kit/RealEngine"
import { describe } from "vitest"
import { engineContract } from "./contract/engineContract.ts"
import { realPlay } from "./contract/RealPlay.ts"
import { samplePlay } from "./contract/SamplePlay.ts"

describe("the sample engine as docker-20.10", () => {
  engineContract(() => samplePlay("docker-20.10"))
})

const [socket] = engineSockets()
describe.skipIf(socket === undefined)("a real Docker engine", () => {
  engineContract(async () => realPlay(socket ?? ""))
})
