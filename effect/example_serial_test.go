package effect_test

import (
	"context"
	"fmt"
	"sync"

	"github.com/sfere-go/sfere/dispatch"
	"github.com/sfere-go/sfere/effect"
	"github.com/sfere-go/sfere/registry"
)

// Vote changes the state of a poll, and Announce says what it is.
type (
	Vote     struct{}
	Announce struct{}
)

func (Vote) EffectName() string     { return "poll/vote" }
func (Announce) EffectName() string { return "poll/announce" }

func poll(votes *int) registry.Registry[App] {
	return registry.New("poll",
		effect.Do("Count a vote.", func(context.Context, effect.Call[App], Vote) error {
			*votes++
			return nil
		}),
		effect.Do("Say how many votes there are.", func(context.Context, effect.Call[App], Announce) error {
			_, err := fmt.Println(*votes, "votes")
			return err
		}))
}

// Three voters vote at the same time. Nobody votes between a vote and its
// announcement.
func ExampleSerial() {
	votes := 0
	d := dispatch.Must(dispatch.New(poll(&votes)))
	var voters sync.WaitGroup
	for range 3 {
		voters.Go(func() {
			d.Dispatch(context.Background(), App{},
				effect.Serial{Key: "poll/1", Effects: effect.List{Vote{}, Announce{}}})
		})
	}
	voters.Wait()
	// Output:
	// 1 votes
	// 2 votes
	// 3 votes
}
