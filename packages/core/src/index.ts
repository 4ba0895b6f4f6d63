export * as Placeholder from "./SourceName.ts"
