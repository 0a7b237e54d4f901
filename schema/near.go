package schema

import (
	"fmt"

	"github.com/sfere-go/sfere/internal/jsonread"
	"github.com/sfere-go/sfere/internal/near"
)

// unknown returns the error for a name that nobody registered, with names that
// look like it.
func (c *Catalogue) unknown(name string) error {
	return fmt.Errorf("%w: %s%s", ErrUnknown, jsonread.Quote(name), near.Hint(name, func(yield func(string) bool) {
		for _, e := range c.entries {
			if !yield(e.info.Name) {
				return
			}
		}
	}))
}
