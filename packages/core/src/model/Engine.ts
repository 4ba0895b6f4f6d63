/** What a source tells of its container engine. */
import { Schema } from "effect"

/** The engine behind a source, as it tells of itself. */
export const Engine = Schema.Struct({
  kind: Schema.Literal("docker", "podman"),
  /** The engine's release, such as `26.1.5`. */
  version: Schema.String,
  /** The API version the source speaks with it, such as `1.45`. */
  apiVersion: Schema.String,
  os: Schema.String,
  arch: Schema.String,
})
export type Engine = typeof Engine.Type
