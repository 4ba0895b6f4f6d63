export * as WsCloseCode from "./WsCloseCode.ts"
export * as WsLink from "./WsLink.ts"
export * as WsLinkDialer from "./WsLinkDialer.ts"
export * as WsLinkServer from "./WsLinkServer.ts"
