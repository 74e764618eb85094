"""A page of the lab in a browser, as tests see it."""

import time

PATIENCE = 180.0
"""Most seconds to wait for something on the page: machines that test are busy."""


def until(condition, what="it"):
    """Wait until a condition holds. Returns what it returns."""
    end = time.monotonic() + PATIENCE
    while not (found := condition()):
        assert time.monotonic() < end, f"{what} did not come within {PATIENCE:g} s"
        time.sleep(0.1)
    return found


class Page:
    """A window of the browser with the lab's page."""

    def __init__(self, driver, address):
        self.driver, self.address = driver, address
        driver.switch_to.new_window("tab")
        self.window = driver.current_window_handle
        self.open(address)

    def open(self, address):
        self.front().get(address)

    def room(self, name, language="en"):
        self.open(f"{self.address.partition('?')[0]}?room={name}&lang={language}")

    def front(self):
        self.driver.switch_to.window(self.window)
        return self.driver

    def texts(self, selector):
        """Texts of all elements, as they are now."""
        script = "return [...document.querySelectorAll(arguments[0])].map(each => each.textContent.trim())"
        return self.front().execute_script(script, selector)

    def text(self, selector, wanted=""):
        """Text of an element, once it contains some words."""
        return until(
            lambda: next((each for each in self.texts(selector) if wanted in each), None), f"{selector} {wanted}"
        )

    def click(self, selector, number=0):
        self.front().execute_script("document.querySelectorAll(arguments[0])[arguments[1]].click()", selector, number)

    def press(self, key):
        self.front().find_element("tag name", "body").send_keys(key)

    def close(self):
        if self.window not in self.driver.window_handles:
            return
        self.front().close()
        self.driver.switch_to.window(self.driver.window_handles[0])
