// Compiles the schema of every message with ajv, and holds the examples of the message to it: all of them must be valid,
// and none of them without its required members. Prints the number of messages.
import { readFileSync } from "node:fs";
import Ajv2020 from "ajv/dist/2020.js";
import addFormats from "ajv-formats";

const document = JSON.parse(readFileSync("asyncapi.json", "utf8"));
const ajv = new Ajv2020({ strict: true, allErrors: true });
addFormats(ajv);
ajv.addSchema({ $id: "messages:", $defs: withOwnNames(document.components.schemas) });

let count = 0;
for (const [name, message] of Object.entries(document.components.messages)) {
  const parts = { headers: message.headers, payload: message.payload };
  for (const [part, schema] of Object.entries(parts)) {
    const valid = ajv.compile(withOwnNames(schema));
    for (const example of message.examples) {
      if (!valid(example[part])) throw new Error(`${name}.${part}: ${ajv.errorsText(valid.errors)}`);
      if (valid({})) throw new Error(`${name}.${part} takes an empty object`);
    }
  }
  count += 1;
}
console.log(count);

// The references of the document as references to the schema that has its parts.
function withOwnNames(schemas) {
  return JSON.parse(JSON.stringify(schemas).replaceAll('"#/components/schemas/', '"messages:#/$defs/'));
}
