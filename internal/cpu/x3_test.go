package cpu
import ("testing"; "hdmnet/internal/op"; "hdmnet/internal/optest")
func TestX3(t *testing.T) {
	dev := openIn(t, op.BF16X3)
	optest.RunAll(t, func(t *testing.T) op.Device { return dev })
}
