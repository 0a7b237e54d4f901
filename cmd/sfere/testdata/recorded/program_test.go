package app

import (
	"encoding/json"
	"testing"

	"github.com/sfere-go/sfere"
	"github.com/sfere-go/sfere/dispatch"
	"github.com/sfere-go/sfere/inspect/record"
)

// program gives tests the dispatcher, and the Ctx that was recorded.
func program(t *testing.T, ctx string) (*dispatch.Dispatcher[App], App) {
	var a App
	if err := json.Unmarshal([]byte(ctx), &struct {
		User *string `json:"user"`
	}{&a.User}); err != nil {
		t.Fatal(err)
	}
	return New(record.New(1), sfere.New(nil)), a
}
