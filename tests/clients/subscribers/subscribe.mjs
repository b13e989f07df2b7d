// A subscriber in JavaScript: prints a line for each event of one tenant, until its run has ended.
// Arguments: the broker's host:port, the tenant, the run.
import { Kafka, logLevel } from "kafkajs";

const [broker, tenant, run] = process.argv.slice(2);
const kafka = new Kafka({ brokers: [broker], clientId: "example", logLevel: logLevel.ERROR });
const consumer = kafka.consumer({ groupId: "example-in-javascript", sessionTimeout: 6000 });
await consumer.connect();
await consumer.subscribe({ topics: ["onboarding.operation-runs.v1"], fromBeginning: true });
let last = "";
await consumer.run({
  eachMessage: async ({ message }) => {
    if (message.key?.toString() !== tenant) return;
    const { ce_type: type, ce_sequence: sequence } = message.headers;
    if (sequence.toString() <= last) return; // a repeat: the numbers are ordered as texts
    last = sequence.toString();
    const event = JSON.parse(message.value.toString());
    console.log(Number(last), type.toString(), event.run_id, event.state ?? "");
    if (type.toString() === "org.onboarding.RunFinished.v1" && String(event.run_id) === run) process.exit(0);
  },
});
