/** What the engine says of itself: `/_ping`, `/version`, `/info`. */
import { type Answer, wholeAnswer } from "./Answer.ts"
import type { EngineState } from "./EngineState.ts"
import { engineHeaders, type Flavour } from "./Flavour.ts"
import { inspectTime } from "./Timestamp.ts"

export const pingAnswer = ({ flavour }: EngineState, method: string): Answer => {
  const common = {
    ...engineHeaders(flavour),
    "Cache-Control": "no-cache, no-store, must-revalidate",
    Pragma: "no-cache",
  }
  const headers =
    flavour.kind === "podman"
      ? {
          ...common,
          "Cache-Control": "no-cache",
          "Docker-Experimental": "true",
          Ostype: "linux",
          "Builder-Version": "1",
        }
      : { ...common, "Content-Type": "text/plain; charset=utf-8" }
  return wholeAnswer(200, headers, method === "HEAD" ? "" : "OK")
}

/** The processor in Go's words for `/version`, and in uname's for `/info`. */
const ARCHITECTURES: Readonly<Record<string, readonly [go: string, uname: string]>> = {
  x64: ["amd64", "x86_64"],
  arm64: ["arm64", "aarch64"],
}

const [GO_ARCH, UNAME_ARCH] = ARCHITECTURES[process.arch] ?? [process.arch, process.arch]

export const versionJson = ({ flavour }: EngineState): Record<string, unknown> => {
  const details = {
    Arch: GO_ARCH,
    Experimental: "false",
    GitCommit: "sample",
    KernelVersion: "sample",
    Os: "linux",
  }
  return {
    Platform: { Name: flavour.kind === "podman" ? `linux/${GO_ARCH}/sample-1` : "" },
    Components: components(flavour, details),
    Version: flavour.version,
    ApiVersion: flavour.apiVersion,
    MinAPIVersion: flavour.minApiVersion,
    GitCommit: "sample",
    GoVersion: "none",
    Os: "linux",
    Arch: GO_ARCH,
    KernelVersion: "sample",
    BuildTime: "2026-01-01T00:00:00.000000000+00:00",
  }
}

const components = (flavour: Flavour, details: Readonly<Record<string, string>>): ReadonlyArray<unknown> =>
  flavour.kind === "podman"
    ? [
        {
          Name: "Podman Engine",
          Version: flavour.version,
          Details: { ...details, APIVersion: flavour.version, MinAPIVersion: "4.0.0" },
        },
        { Name: "Conmon", Version: "conmon version 2.1.12", Details: { Package: "sample" } },
        { Name: "OCI Runtime (crun)", Version: "crun version 1.21", Details: { Package: "sample" } },
      ]
    : [
        {
          Name: "Engine",
          Version: flavour.version,
          Details: { ...details, ApiVersion: flavour.apiVersion, MinAPIVersion: flavour.minApiVersion },
        },
      ]

export const infoJson = ({ flavour, containers, clock, hostName }: EngineState): Record<string, unknown> => {
  const count = (...statuses: ReadonlyArray<string>) =>
    containers.all.filter((container) => statuses.includes(container.status)).length
  return {
    ID: "SAMP:LEEN:GINE",
    Containers: containers.all.length,
    ContainersRunning: count("running"),
    ContainersPaused: count("paused"),
    ContainersStopped: count("created", "exited", "removing", "dead"),
    Images: new Set(containers.all.map((container) => container.image)).size,
    Driver: "overlay2",
    SystemTime: inspectTime(clock.now()),
    LoggingDriver: "json-file",
    NEventsListener: 0,
    KernelVersion: "sample",
    OperatingSystem: "rdl sample engine",
    OSType: "linux",
    Architecture: UNAME_ARCH,
    NCPU: 1,
    MemTotal: 0,
    Name: hostName,
    Labels: [],
    ServerVersion: flavour.version,
    Warnings: null,
  }
}
