/** The release of `rdl`. */
import manifest from "../package.json" with { type: "json" }

/** As in package.json, such as `0.1.0`. */
export const version: string = manifest.version
