// Compiles the schema of every message, whose patterns Go reads as RE2, and holds the examples of the message to it.
// Prints the number of messages.
package main

import (
	"fmt"
	"log"
	"os"

	"github.com/santhosh-tekuri/jsonschema/v6"
)

func main() {
	file, err := os.Open("asyncapi.json")
	check(err)
	document, err := jsonschema.UnmarshalJSON(file)
	check(err)
	compiler := jsonschema.NewCompiler()
	compiler.DefaultDraft(jsonschema.Draft2020)
	compiler.AssertFormat()
	check(compiler.AddResource("asyncapi.json", document))
	messages := document.(map[string]any)["components"].(map[string]any)["messages"].(map[string]any)
	for name, message := range messages {
		for _, part := range []string{"headers", "payload"} {
			schema, err := compiler.Compile("asyncapi.json#/components/messages/" + name + "/" + part)
			check(err)
			for _, example := range message.(map[string]any)["examples"].([]any) {
				check(schema.Validate(example.(map[string]any)[part]))
			}
			if schema.Validate(map[string]any{}) == nil {
				log.Fatalf("%s.%s takes an empty object", name, part)
			}
		}
	}
	fmt.Println(len(messages))
}

func check(err error) {
	if err != nil {
		log.Fatal(err)
	}
}
