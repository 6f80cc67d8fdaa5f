from hypothesis import settings

# Properties are tried on 25 batches each, whatever the machine is busy with.
settings.register_profile("tricks", deadline=None, max_examples=25)
settings.load_profile("tricks")
