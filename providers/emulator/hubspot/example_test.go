package hubspot_test

import (
	"context"
	"fmt"
	"net/http"
	"strings"

	"crmsync/providers/emulator"
	"crmsync/providers/emulator/hubspot"
)

// A server in the same process: a portal, one write over the network, and
// what the objects and the history say about it.
func Example() {
	server, err := hubspot.New(hubspot.Config{Seed: 1})
	if err != nil {
		panic(err)
	}
	if err := server.AddPortal(hubspot.Portal{ID: 7, Token: "pat-7", UniqueProperty: "crmsync_id"}); err != nil {
		panic(err)
	}
	running, err := emulator.Listen("127.0.0.1:0", server)
	if err != nil {
		panic(err)
	}

	body := `{"inputs":[{"id":"c-101","idProperty":"crmsync_id","properties":{"email":"Ada@Example.com"}}]}`
	request, err := http.NewRequestWithContext(context.Background(), http.MethodPost,
		running.URL()+"/crm/v3/objects/contacts/batch/upsert", strings.NewReader(body))
	if err != nil {
		panic(err)
	}
	request.Header.Set("Authorization", "Bearer pat-7")
	request.Header.Set("Content-Type", "application/json")
	answer, err := http.DefaultClient.Do(request)
	if err != nil {
		panic(err)
	}
	if err := answer.Body.Close(); err != nil {
		panic(err)
	}
	if err := running.Close(); err != nil {
		panic(err)
	}

	fmt.Println(answer.StatusCode, server.Objects(7, "contacts")[0].Properties["email"])
	for entry := range server.History().All(0) {
		fmt.Println(entry.Seq, entry.Operation, entry.Records[0].UniqueValue, entry.Records[0].Outcome)
	}
	// Output:
	// 200 ada@example.com
	// 1 batch_upsert c-101 created
}
