/** Who answers, in the shape of Docker's API: a daemon named rdl, made of the engines of all sources. */
import type { SourceContainer } from "@rdl/core/model/Container"
import type { SourceStatus } from "@rdl/core/model/SourceStatus"

/** Clients speak this version or an older one. Newer ones have other events, older ones are refused by newer clients. */
export const API_VERSION = "1.47"
/** Nothing that clients of older versions ask is answered otherwise. */
const OLDEST_API_VERSION = "1.24"

/** Sources that are named in `version` and `info`, at most. */
export const MAX_NAMED = 200

/** On every answer, as the daemon has them. */
export const HEADERS = { "api-version": API_VERSION, "docker-experimental": "false", ostype: "linux", server: "rdl" }

/** `GET /version`: each source's engine is a component. */
export const version = (sources: ReadonlyArray<SourceStatus>): unknown => ({
  Platform: { Name: "rdl" },
  Version: API_VERSION,
  ApiVersion: API_VERSION,
  MinAPIVersion: OLDEST_API_VERSION,
  Os: "linux",
  Arch: "any",
  GitCommit: "",
  GoVersion: "",
  KernelVersion: "",
  BuildTime: "",
  Components: [
    { Name: "rdl", Version: API_VERSION, Details: { ApiVersion: API_VERSION, MinAPIVersion: OLDEST_API_VERSION } },
    ...sources.slice(0, MAX_NAMED).map(({ connected, engine, name }) => ({
      Name: name,
      Version: !connected ? "offline" : engine === null ? "without an engine" : `${engine.kind} ${engine.version}`,
      Details: engine === null ? {} : { ApiVersion: engine.apiVersion, Os: engine.os, Arch: engine.arch },
    })),
  ],
})

/** `GET /info`: containers are counted, sources are named, what is offline is a warning. */
export const info = (
  sources: ReadonlyArray<SourceStatus>,
  containers: ReadonlyArray<SourceContainer>,
  nowMs: number,
): unknown => {
  const count = (...states: ReadonlyArray<string>) => containers.filter(({ state }) => states.includes(state)).length
  const running = count("running", "restarting")
  const paused = count("paused")
  const offline = sources.filter(({ connected }) => !connected)
  return {
    ID: "rdl",
    Name: "rdl",
    ServerVersion: API_VERSION,
    Containers: containers.length,
    ContainersRunning: running,
    ContainersPaused: paused,
    ContainersStopped: containers.length - running - paused,
    Images: 0,
    Driver: "rdl",
    DriverStatus: sources
      .slice(0, MAX_NAMED)
      .map(({ connected, containers: has, name }) => [name, connected ? `${has} containers` : "offline"]),
    Plugins: { Volume: [], Network: [], Authorization: null, Log: [] },
    LoggingDriver: "",
    OperatingSystem: `rdl, ${sources.length} sources`,
    OSType: "linux",
    OSVersion: "",
    KernelVersion: "",
    Architecture: "any",
    NCPU: 0,
    MemTotal: 0,
    SystemTime: new Date(nowMs).toISOString(),
    IndexServerAddress: "",
    DockerRootDir: "",
    Labels: [],
    ExperimentalBuild: false,
    SecurityOptions: [],
    Swarm: { LocalNodeState: "inactive" },
    Warnings:
      offline.length === 0 ? null : offline.slice(0, MAX_NAMED).map(({ name }) => `the source ${name} is offline`),
  }
}
