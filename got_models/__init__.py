"""The system, in rooms: errors < chain < files < guidance < reasoner < {convert, comfy}; tiny/ holds weights."""
