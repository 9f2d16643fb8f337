"""The C++ trainer from outside: its build, the run file it reads, the network file it writes, and ONNX."""
