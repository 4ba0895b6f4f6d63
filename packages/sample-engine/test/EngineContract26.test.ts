/** The sample engine stands in for a real one: both keep one contract. A file for each version, so that they run side by side. */
import { playedEngine } from "./contract/playedEngine.ts"
import { DOCKER_26_1 } from "./contract/Truth.ts"

await playedEngine("docker-26.1", DOCKER_26_1)
