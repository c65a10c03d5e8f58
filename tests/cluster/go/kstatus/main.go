// kstatus reads a JSON list of Kubernetes objects and prints what the library of that name, which Flux, Helm and kpt wait by,
// makes of each: a JSON list of words such as "Current" and "InProgress".
package main

import (
	"encoding/json"
	"fmt"
	"os"

	"github.com/fluxcd/cli-utils/pkg/kstatus/status"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	utiljson "k8s.io/apimachinery/pkg/util/json"
)

func main() {
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, "kstatus:", err)
		os.Exit(1)
	}
}

func run() error {
	var objects []json.RawMessage
	if err := json.NewDecoder(os.Stdin).Decode(&objects); err != nil {
		return fmt.Errorf("cannot read the objects: %w", err)
	}
	words := make([]string, 0, len(objects))
	for _, text := range objects {
		// Whole numbers must be int64, as a client of Kubernetes has them; encoding/json makes them float64.
		object := map[string]any{}
		if err := utiljson.Unmarshal(text, &object); err != nil {
			return fmt.Errorf("cannot read an object: %w", err)
		}
		result, err := status.Compute(&unstructured.Unstructured{Object: object})
		if err != nil {
			return fmt.Errorf("cannot compute the status of %v: %w", object["kind"], err)
		}
		words = append(words, result.Status.String())
	}
	return json.NewEncoder(os.Stdout).Encode(words)
}
