// Command eta answers GET /eta?from=3,5&to=1,-1 with the minutes of the drive.
package main

import (
	"encoding/json"
	"log"
	"net/http"
	"os"
)

func main() {
	port := os.Getenv("PORT")
	if port == "" {
		port = "80"
	}
	http.HandleFunc("GET /services/ping", func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte("pong\n")) })
	http.HandleFunc("GET /eta", answer)
	log.Printf("eta answers on port %s", port)
	log.Fatal(http.ListenAndServe(":"+port, nil))
}

func answer(w http.ResponseWriter, r *http.Request) {
	from, err := parsePoint(r.URL.Query().Get("from"))
	if err != nil {
		http.Error(w, "from: "+err.Error(), http.StatusBadRequest)
		return
	}
	to, err := parsePoint(r.URL.Query().Get("to"))
	if err != nil {
		http.Error(w, "to: "+err.Error(), http.StatusBadRequest)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(map[string]int{"minutes": minutes(from, to)})
	log.Printf("%s -> %s", r.URL.Query().Get("from"), r.URL.Query().Get("to"))
}
