package effect

import "reflect"

// Info describes a registered item to catalogues. It is a copy; whoever gets it
// may change it.
type Info struct {
	Kind     string // "effect", "action" or "placeholder"
	Name     string
	Doc      string
	Site     string // file:line where it was made
	Registry string
	Type     reflect.Type // of the data
	Result   reflect.Type // of the handler's value; nil for actions
	State    reflect.Type // that an action expects; nil if none
	Ctx      reflect.Type // the C it was written against
	Reach    Reach
	Shared   bool
	Dry      bool // takes part in dry runs although it is not Pure
	Examples []Data
	Meta     map[string]any
	HasLate  bool // some field can hold a placeholder
}
