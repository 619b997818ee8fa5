package op

// DeviceError is the panic of a device that cannot do what it is asked: its driver fails,
// or the operands are beyond what it is made for. The text says what to do.
type DeviceError struct{ Err error }

func (e *DeviceError) Error() string { return e.Err.Error() }
func (e *DeviceError) Unwrap() error { return e.Err }
