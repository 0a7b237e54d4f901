package sfere_test

import (
	"encoding/json"
	"fmt"

	"github.com/sfere-go/sfere"
)

func ExamplePattern() {
	ann := sfere.ID("lobby", "ann").In(sfere.DefaultScope)
	for _, p := range []sfere.Pattern{
		sfere.Everyone(),
		sfere.Category("lobby"),
		sfere.Category("lobby").AllScopes(),
		sfere.Category("lobby").In("acme"),
		sfere.Exactly(ann),
		{Scope: sfere.Any, Category: sfere.Any, ID: sfere.Is("ann")},
	} {
		fmt.Println(p, p.Matches(ann))
	}
	// Output:
	// */*/* true
	// /lobby/* true
	// */lobby/* true
	// acme/lobby/* false
	// default/lobby/ann true
	// */*/ann true
}

// A field that was forgotten, or a star that a user typed, never means everyone.
func ExamplePattern_Validate() {
	fmt.Println(sfere.Pattern{Category: sfere.Is("lobby")}.Validate())
	fmt.Println(sfere.Everyone().In("*").Validate())
	// Output:
	// sfere: pattern field "id": not set (use sfere.Any or sfere.Is)
	// sfere: pattern field "scope": must not be sfere.Is("*") (use sfere.Any to match everything)
}

func ExampleKey() {
	k := sfere.ID("lobby", "ann lee").In(sfere.DefaultScope)
	b, err := json.Marshal(k)
	fmt.Println(k)
	fmt.Println(string(b), err)
	_, err = sfere.ParseKey("default/lobby/*")
	fmt.Println(err)
	// Output:
	// default/lobby/ann%20lee
	// {"scope":"default","category":"lobby","id":"ann lee"} <nil>
	// sfere: key field "id": must not be "*" (a wildcard; use a Pattern)
}
