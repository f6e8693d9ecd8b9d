// Loaded with `node --import`: the language service imports JSON without the attribute that Node asks for.
import { register } from "node:module";

const hooks = `
export function load(url, context, next) {
  const json = url.endsWith(".json");
  return next(url, json ? { ...context, importAttributes: { type: "json" } } : context);
}`;

register(`data:text/javascript,${encodeURIComponent(hooks)}`);
