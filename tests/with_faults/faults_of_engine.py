"""Faults of the engine: arrays that come in, autograd, memory, devices."""

from fault import Fault

FAULTS = [
    Fault(
        "walk: a gradient accumulated twice",
        "_step_back",
        "flowing[node] + gx if node in flowing",
        "flowing[node] + gx + gx if node in flowing",
        "test_autograd.py -k diamonds",
    ),
    Fault(
        "walk: the last gradient wins",
        "_step_back",
        "flowing[node] + gx if node in flowing else gx",
        "gx",
        "test_autograd.py -k diamonds",
    ),
    Fault(
        "walk: ops in order of discovery",
        "autograd:_ops_behind",
        "found = {y.op for y in outputs if y.op is not None}\n"
        "pending = list(found)\n"
        "while pending:\n"
        "    for x in pending.pop().recorded_inputs:\n"
        "        if x.op is not None and x.op not in found:\n"
        "            found.add(x.op)\n"
        "            pending.append(x.op)\n"
        'return sorted(found, key=attrgetter("serial"))',
        "found = [y.op for y in outputs if y.op is not None]\n"
        "pending = list(found)\n"
        "while pending:\n"
        "    for x in pending.pop().recorded_inputs:\n"
        "        if x.op is not None and x.op not in found:\n"
        "            found.append(x.op)\n"
        "            pending.append(x.op)\n"
        "return found[::-1]",
        "test_autograd.py -k diamonds",
    ),
    Fault(
        "walk: gradients for inputs that want none",
        "_step_back",
        "if needed and gx is not None:",
        "if gx is not None:",
        "test_autograd.py -k needs_tells",
    ),
    Fault(
        "walk: gradients that nobody wants are computed",
        "_mark_needs",
        "required and (node in leading or (x.op is None if wanted is None else node in wanted))",
        "required",
        "test_autograd.py -k computes_no",
    ),
    Fault(
        "walk: a gradient shares memory with the upstream gradient",
        "_walk",
        "taken.add(id(_owner(seed._array)))",
        "",
        "test_autograd.py -k share_no_memory",
    ),
    Fault(
        "walk: two gradients share memory",
        "_separate",
        "taken.add(id(owner))",
        "",
        "test_autograd.py -k does_not_tie",
    ),
    Fault(
        "walk: a gradient is one number, repeated",
        "_separate",
        "if id(owner) in taken or owner.nbytes != g._array.nbytes:",
        "if id(owner) in taken:",
        "test_autograd.py -k gradient_of_a_sum",
    ),
    Fault(
        "walk: a copied gradient loses its graph",
        "_separate",
        "return g * 1",
        "return Tensor(g.data.copy())",
        "test_autograd.py -k upstream",
    ),
    Fault(
        "walk: a graph is not released",
        "_step_back",
        "op.release()",
        "pass",
        "test_autograd.py -k released",
    ),
    Fault(
        "grad: create_graph is lost",
        "_walk",
        "state.recording = state.recording, create_graph",
        "state.recording = state.recording, False",
        "test_autograd.py -k gradients_of_gradients",
    ),
    Fault(
        "grad: always records",
        "_walk",
        "state.recording = state.recording, create_graph",
        "state.recording = state.recording, True",
        "test_autograd.py -k without_create_graph",
    ),
    Fault(
        "backward: .grad is overwritten",
        "autograd:backward",
        "g if leaf.grad is None else leaf.grad + g",
        "g",
        "test_autograd.py -k grad_of_leaves",
    ),
    Fault(
        "backward: .grad is added to in place",
        "autograd:backward",
        "leaf.grad = g if leaf.grad is None else leaf.grad + g",
        "if leaf.grad is None:\n    leaf.grad = g\nelse:\n    leaf.grad.data += g.data",
        "test_autograd.py -k adding_to_grad",
    ),
    Fault(
        "ops: a stale saved input is used",
        "Op.inputs",
        "if not _holds(x, then):",
        "if False:",
        "test_autograd.py -k write_in_place",
    ),
    Fault(
        "ops: a stale saved result is used",
        "Op.output",
        "if not _holds(result, self._contents[-1]):",
        "if False:",
        "test_autograd.py -k result_that_the_backward_needs",
    ),
    Fault(
        "ops: a write through a view goes unseen",
        "Op.__call__",
        "if array is x._array or (view and _is_view(array, x._array, len(inputs) == 1)):",
        "if array is x._array:",
        "test_autograd.py -k write_by_reshaped",
    ),
    Fault(
        "ops: no_grad records",
        "Op.__call__",
        "if True in self._required and _state.recording:",
        "if True in self._required:",
        "test_autograd.py -k no_grad_records",
    ),
    Fault(
        "no_grad: an error leaves recording off",
        "recording.__exit__",
        "_state.recording = self._before[-1]",
        "_state.recording = self._before[-1] and error[0] is None",
        "test_autograd.py -k switches_recording",
    ),
    Fault(
        "no_grad: holds in all threads",
        "autograd:_State",
        "class _State(threading.local):",
        "class _State:",
        "test_autograd.py -k thread",
    ),
    Fault(
        "checks: a gradient without a graph passes at order 2",
        "check_gradient",
        "if create_graph and not gx.requires_grad:",
        "if False:",
        "test_op_authors.py -k second_derivative",
    ),
    Fault(
        "Tensor: a new array does not outdate graphs",
        "Tensor.data",
        "self._array, self._memory = array, Memory(array, exposed=True)",
        "self._array = array",
        "test_stale_graphs.py -k nobody_held",
    ),
    Fault(
        "memory: an array that is handed out is not copied",
        "Memory.expose",
        "if not self.exposed:\n    self.keep()",
        "if not self.exposed:",
        "test_stale_graphs.py -k handed",
    ),
    Fault(
        "memory: a part is taken for unchanged if it lies elsewhere",
        "Contents.are_in_part",
        "offset = _address(view) - byte_bounds(array)[0]",
        "offset = 0",
        "test_stale_graphs.py -k exactly_the_numbers",
    ),
    Fault(
        "ops: a view belongs to whichever input shares its memory",
        "_is_view",
        "(alone or lies_within(view, array))",
        "True",
        "test_stale_graphs.py -k belongs_to_the_input",
    ),
    Fault(
        "memory: what was written to is not copied again",
        "Memory.used",
        "if copy is None or (array.tobytes()",
        "if True or (array.tobytes()",
        "test_stale_graphs.py -k noticed_once",
    ),
    Fault(
        "Tensor: detach does not stop the gradient",
        "Tensor.detach",
        "leaf._memory = self.memory",
        "leaf._memory = self.memory\nleaf.op, leaf.requires_grad = self.op, self.requires_grad",
        "test_autograd.py -k detach",
    ),
    Fault(
        "an op that was called without a graph is called again",
        "check_call",
        'if "needs" in op.__dict__:',
        "if op.serial >= 0:",
        "test_op_authors.py -k was_not_recorded",
    ),
    Fault(
        "noise: the same at every step",
        "make_rng",
        "zlib.crc32(purpose.encode()), index)",
        "zlib.crc32(purpose.encode()), 0)",
        "test_gan.py -k noise",
    ),
    Fault(
        "guard: what a backward pass makes is not looked at",
        "_step_back",
        '_state.watcher(op, "backward", [gx._array for gx in gxs if gx is not None])',
        '_state.watcher(op, "backward", [])',
        "test_resume.py -k backward",
    ),
    Fault(
        "arrays: another byte order passes",
        "floats",
        "if dtype not in _NATIVE:",
        "if False:",
        "test_arrays.py -k any_form",
    ),
    Fault(
        "arrays: unaligned ones pass",
        "floats",
        "array.copy() if array.__class__ is np.ndarray and not array.flags.aligned else array",
        "array",
        "test_arrays.py -k any_form",
    ),
    Fault(
        "arrays: masks are dropped",
        "rawgan.arrays:plain",
        "if isinstance(data, np.ma.MaskedArray):",
        "if False:",
        "test_arrays.py -k masked",
    ),
    Fault(
        "arrays: masks in a list are dropped",
        "_from_numbers",
        "any(isinstance(row, np.ma.MaskedArray) for row in data)",
        "False",
        "test_arrays.py -k rows",
    ),
    Fault(
        "arrays: subclasses keep their class",
        "rawgan.arrays:plain",
        "if isinstance(data, np.ndarray):",
        "if isinstance(data, np.ndarray) and not isinstance(data, np.ma.MaskedArray):\n"
        "    return data\n"
        "if isinstance(data, np.ndarray):",
        "test_arrays.py -k any_form",
    ),
    Fault(
        "arrays: labels of 8 bits stay so",
        "integers",
        "xp.asarray(array.astype(np.int64, copy=False))",
        "xp.asarray(array)",
        "test_arrays.py -k integers_of_any_kind",
    ),
    Fault(
        "arrays: strides of any length are taken for apart",
        "_repeats",
        "reach += stride * (length - 1)",
        "pass",
        "test_optim.py -k share_memory",
    ),
    Fault(
        "arrays: a reversed one begins at its first element",
        "arrays:_bounds",
        "pointer + sum(r for r in reaches if r < 0), pointer",
        "pointer, pointer",
        "test_arrays.py -k overlap",
    ),
    Fault(
        "Tensor: NumPy's functions answer for it",
        "Tensor.__array_function__",
        "# Some of the others would",
        "return function._implementation(*args, **kwargs)\n# Some of the others would",
        "test_comparison.py -k in_silence",
    ),
    Fault(
        "Tensor: a copy shares its array",
        "Tensor.__deepcopy__",
        "type(self).wrap(self._array.copy())",
        "type(self).wrap(self._array)",
        "test_comparison.py -k leaf_of_the_same_kind",
    ),
    Fault(
        "Tensor: a copy of a result is cut off in silence",
        "Tensor.__deepcopy__",
        "if self.op is not None and not memo:",
        "if False:",
        "test_comparison.py -k without_its_graph",
    ),
    Fault(
        "paths: ~ is a folder where there is no home",
        "expanded",
        'if len(path.parts) == 1 and path.parts[0] != "~" and path.exists():',
        "if True:",
        "test_home.py -k no_home",
    ),
    Fault(
        "device: packages of a name that there is not",
        "_INSTALL",
        "\"pip install '.[cuda12]' or",
        "\"pip install 'rawgan[cuda12]' or",
        "test_way_outs.py -k pip",
    ),
]
