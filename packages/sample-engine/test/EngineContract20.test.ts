/** The sample engine stands in for a real one: both keep one contract. A file for each version, so that they run side by side. */
import { playedEngine } from "./contract/playedEngine.ts"
import { DOCKER_20_10 } from "./contract/Truth.ts"

await playedEngine("docker-20.10", DOCKER_20_10)
